// Dialogs on <dialog>: opening by data-dialog, filling, closing, and our own question in place of confirm().
import { words } from './words.js';

/** Opens a dialog modally; the browser gives the focus back on close. */
export function openDialog(dialog, values = {}) {
  for (const [name, value] of Object.entries(values)) {
    for (const control of dialog.querySelectorAll(`[name="${CSS.escape(name)}"]`)) control.value = value;
    for (const place of dialog.querySelectorAll(`[data-value="${CSS.escape(name)}"]`)) place.textContent = value;
  }
  if (!dialog.open) dialog.showModal();
}

// Whether keys pressed there are text.
const isTyping = (target) => target.matches('textarea, input:not([type=radio]):not([type=checkbox])');

/** A digit chooses the entry of a list that bears it. */
export function chooseByDigit(event, place) {
  if (!/^[0-9]$/.test(event.key) || event.ctrlKey || isTyping(event.target)) return;
  const choice = place.querySelector(`[data-digit="${event.key}"]:not(:disabled)`);
  if (!choice) return;
  event.preventDefault();
  choice.click();
  choice.focus();
}

function element(tag, className, text) {
  const made = document.createElement(tag);
  made.className = className;
  made.textContent = text;
  return made;
}

/** Asks the person; resolves to true or false. */
export function ask(text, { title = words('请确认'), label = words('确定'), kind = 'primary' } = {}) {
  return new Promise((resolve) => {
    const dialog = element('dialog', 'dialog', '');
    const form = element('form', 'dialog-body', '');
    form.method = 'dialog';
    const heading = element('h2', 'dialog-title', title);
    heading.id = 'ask-title';
    dialog.setAttribute('aria-labelledby', heading.id);
    const question = element('p', 'dialog-text', text);
    const cancel = element('button', 'btn', words('取消'));
    cancel.type = 'button';
    cancel.addEventListener('click', () => dialog.close());
    const accept = element('button', `btn btn-${kind}`, label);
    accept.value = 'yes';
    const actions = element('div', 'dialog-actions', '');
    actions.append(cancel, accept);
    form.append(heading, question, actions);
    dialog.append(form);
    document.body.append(dialog);
    dialog.addEventListener('close', () => {
      resolve(dialog.returnValue === 'yes');
      dialog.remove();
    });
    dialog.showModal();
    accept.focus();
  });
}

function onClick(event) {
  const opener = event.target.closest('[data-dialog]');
  if (opener) {
    event.preventDefault();
    openDialog(document.querySelector(opener.dataset.dialog), JSON.parse(opener.dataset.fill ?? '{}'));
    return;
  }
  const closer = event.target.closest('dialog [data-close]');
  if (closer) closer.closest('dialog').close();
  else if (event.target instanceof HTMLDialogElement && outside(event)) event.target.close();
}

function outside({ target, clientX, clientY }) {
  const { left, right, top, bottom } = target.getBoundingClientRect();
  return clientX < left || clientX > right || clientY < top || clientY > bottom;
}

async function onSubmit(event) {
  const asker = event.submitter?.closest('[data-confirm]') ?? event.target.closest('form[data-confirm]');
  if (!asker || asker.dataset.confirmed || asker.hasAttribute('data-form-submit')) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  const { confirm, confirmLabel, confirmKind } = asker.dataset;
  if (!(await ask(confirm, { label: confirmLabel, kind: confirmKind }))) return;
  asker.dataset.confirmed = '1';
  event.target.requestSubmit(event.submitter);
  delete asker.dataset.confirmed;
}

export function startDialogs() {
  document.addEventListener('click', onClick);
  document.addEventListener('submit', onSubmit, true);
  document.addEventListener('htmx:confirm', async (event) => {
    if (!event.detail.question) return;
    event.preventDefault();
    const { confirmLabel, confirmKind } = event.detail.elt.dataset;
    if (await ask(event.detail.question, { label: confirmLabel, kind: confirmKind })) event.detail.issueRequest(true);
  });
}
