// The dialog of an operation beside the decision: opens what the server painted, narrows long lists, chooses by digit, minds a refusal.
import { chooseByDigit, openDialog } from './dialogs.js';

const place = () => document.getElementById('operation-place');

function narrow(field) {
  const wanted = field.value.trim().toLowerCase();
  for (const choice of field.closest('[data-choices]').querySelectorAll('label')) {
    choice.hidden = wanted !== '' && !choice.textContent.toLowerCase().includes(wanted) && !choice.querySelector(':checked');
  }
}

/** A preview that says no: the button that would meet the refusal is not offered. */
function mind(form) {
  const button = form?.querySelector('button[type=submit]');
  if (button) button.disabled = Boolean(form.querySelector('[data-refused]'));
}

function opened() {
  const dialog = place()?.querySelector('dialog[data-open]');
  if (!dialog) return;
  openDialog(dialog);
  // The link that opened it is in a menu that is closed by now, so the browser cannot give the focus back to it.
  dialog.addEventListener('close', () => document.querySelector('.operations-menu > summary')?.focus());
  mind(dialog.querySelector('form'));
  (dialog.querySelector('[aria-invalid=true]') ?? dialog.querySelector('[data-narrow], input:not([type=hidden]):not(:disabled), textarea, button[type=submit]'))?.focus();
}

function onKey(event) {
  const form = event.target.closest?.('form[data-operation]');
  if (!form || event.isComposing || event.repeat) return;
  if (event.key === 'Enter' && (event.ctrlKey || event.target.matches('input[type=radio], input[type=checkbox]'))) {
    event.preventDefault();
    form.requestSubmit();
  } else chooseByDigit(event, form);
}

export function startOperations() {
  document.body.addEventListener('htmx:afterSettle', ({ detail }) => {
    if (detail.target?.id === 'operation-place') opened();
    if (detail.target?.id === 'operation-preview') mind(detail.target.closest('form'));
  });
  document.addEventListener('input', ({ target }) => {
    if (target.matches('[data-search-url]')) import('./beyond.js').then(({ search }) => search(target));
    else if (target.matches('[data-narrow]')) narrow(target);
  });
  document.addEventListener('keydown', onKey);
  document.addEventListener('click', (event) => {
    if (event.target.closest('dialog a[data-close]')) event.preventDefault();
  });
  document.querySelectorAll('form[data-operation]').forEach(mind);
}
