// Fills in a form-js form: shows schema, data and errors of the page, sends outcomes as JSON, keeps the draft.
import { Form } from '@bpmn-io/form-js-viewer';
import flatpickr from 'flatpickr';
import { Mandarin } from 'flatpickr/dist/esm/l10n/zh.js';
import '@bpmn-io/form-js-viewer/dist/assets/form-js.css';
import './styles/form.css';
import { ask } from './dialogs.js';
import { startFiles } from './files.js';
import { Draft } from './form-draft.js';
import { ownFields } from './form-fields.js';
import { Outcomes } from './form-outcomes.js';
import { jsonScript, postJson } from './http.js';
import dictionary from './locales/form.zh.js';
import { toast, toastAfterwards } from './toast.js';
import { chinese, translator, words } from './words.js';

window.banjieFormWords = { select: words('选择'), browse: words('浏览') };
if (chinese) flatpickr.localize(Mandarin);

const asTexts = (found) => (Array.isArray(found) ? found : [found]);

function fieldInstances(form) {
  return form.get('formFieldInstanceRegistry').getAllKeyed();
}

/** "list[0].key" of a field instance, as the server names it. */
function pathOf({ valuePath }) {
  return valuePath.map((part, index) => (typeof part === 'number' ? `[${part}]` : `${index ? '.' : ''}${part}`)).join('');
}

/** The server's texts at their fields; returns the texts that no shown field carries. */
function showErrors(form, found) {
  const left = { ...found };
  const errors = {};
  for (const instance of fieldInstances(form)) {
    const path = pathOf(instance);
    const key = path in left ? path : instance.valuePath.at(-1) in left ? instance.valuePath.at(-1) : null;
    if (key === null) continue;
    const place = [instance.id, ...Object.values(instance.indexes ?? {})];
    place.slice(0, -1).reduce((level, part) => (level[part] ??= {}), errors)[place.at(-1)] = asTexts(left[key]);
    delete left[key];
  }
  form._setState({ errors });
  return Object.values(left).flatMap(asTexts);
}

const firstWrong = (root) => root.querySelector('.fjs-has-errors input, .fjs-has-errors textarea, .fjs-has-errors [tabindex], .fjs-has-errors button');

/** The box on top of the form: how many places, what belongs to no field; then the focus goes to the first field. */
function summarise(root, texts, count) {
  const box = document.getElementById('form-problems');
  box?.replaceChildren();
  if (!box || !texts.length && !count) return;
  const summary = document.createElement('div');
  summary.className = 'error-summary';
  summary.setAttribute('role', 'alert');
  if (count) summary.append(Object.assign(document.createElement('h2'), { textContent: words('请先改正标出的 {count} 处', { count }) }));
  for (const text of texts) summary.append(Object.assign(document.createElement('p'), { className: 'mb-0', textContent: text }));
  box.append(summary);
  requestAnimationFrame(() => {
    const wrong = firstWrong(root);
    (wrong ?? box).scrollIntoView({ block: 'center' });
    wrong?.focus();
  });
}

const countErrors = (errors) => Object.values(errors).reduce((sum, found) => sum + (Array.isArray(found) || typeof found === 'string' ? 1 : countErrors(found)), 0);

function extraOf(button) {
  const form = button.dataset.extra && document.querySelector(button.dataset.extra);
  return form ? Object.fromEntries(new FormData(form)) : undefined;
}

function setBusy(busy) {
  document.querySelectorAll('[data-form-submit]').forEach((button) => { button.disabled = busy; });
}

async function send({ root, form, options, draft, outcomes }, button) {
  if (!await outcomes.choose(button)) return;
  const quiet = 'novalidate' in button.dataset;
  const { data, errors } = quiet ? { data: form._getSubmitData(), errors: {} } : form.submit();
  const missing = outcomes.missing(button);
  const lacks = Object.keys(missing).length;
  const count = countErrors(errors) + (countErrors(errors) ? 0 : lacks);
  if (lacks && count === lacks) showErrors(form, missing);
  summarise(root, [], count);
  if (count) return;
  if (button.dataset.confirm && !(await ask(button.dataset.confirm, { label: button.textContent.trim(), kind: button.dataset.confirmKind }))) return;
  setBusy(true);
  try {
    const request = { outcome: button.dataset.outcome ?? null, revision: options.revision ?? null, data, extra: extraOf(button) };
    const { body } = await postJson(root.dataset.action, request);
    draft?.stop();
    if (body?.location) {
      if (body.message) toastAfterwards(body.message);
      location.assign(body.location);
      return;
    }
    toast(body?.message ?? words('已提交'), 'success');
    if (body?.revision !== undefined) options.revision = body.revision;
  } catch (refusal) {
    button.closest('dialog')?.close();
    if (refusal.status === 422 && refusal.body?.errors) {
      const texts = showErrors(form, refusal.body.errors);
      summarise(root, [refusal.body.message, ...texts].filter(Boolean), 0);
    } else if (refusal.status !== undefined) toast(refusal.message, 'danger');
    else throw refusal;
  }
  setBusy(false);
}

function watchChanges(form, draft) {
  let before = JSON.stringify(form._getSubmitData());
  form.on('changed', () => {
    const now = JSON.stringify(form._getSubmitData());
    if (now !== before) draft.changed();
    before = now;
  });
}

/** Enter inside the form sends it only when there is exactly one way to send it. */
function onOwnSubmit(root) {
  root.addEventListener('submit', (event) => {
    event.preventDefault();
    event.stopPropagation();
    const buttons = [...document.querySelectorAll('[data-form-submit]')];
    if (buttons.length === 1) buttons[0].click();
  }, true);
}

async function start(root) {
  const readOnly = 'readOnly' in root.dataset;
  const options = jsonScript('#form-options', {});
  const form = new Form({
    container: root,
    additionalModules: [{ translate: ['value', translator(dictionary)] }, ownFields(options)],
    properties: { readOnly },
    debounce: false, // what is typed while an answer comes in must not be painted over by the value before it
  });
  const draft = !readOnly && root.dataset.draftUrl
    ? new Draft(root.dataset.draftUrl, () => ({ revision: options.revision ?? null, data: form._getSubmitData() }), document.querySelector('[data-draft-status]'))
    : null;
  await form.importSchema(jsonScript('#form-schema', {}), { ...options.data, ...jsonScript('#form-data', {}), ...draft?.unsent() });
  root.classList.toggle('is-read-only', readOnly);
  onOwnSubmit(root);
  if (draft) watchChanges(form, draft);
  const outcomes = new Outcomes(form, root, jsonScript('#form-schema', {}));
  const errors = jsonScript('#form-errors', {});
  if (Object.keys(errors).length) summarise(root, showErrors(form, errors), Object.keys(errors).length);
  document.addEventListener('click', ({ target }) => {
    const button = target.closest('[data-form-submit]');
    if (button) send({ root, form, options, draft, outcomes }, button);
  });
  root.dataset.ready = '1';
}

startFiles();
document.querySelectorAll('#form').forEach((root) => {
  start(root).catch((failure) => {
    root.textContent = words('表单打不开：{reason}', { reason: failure.message });
    root.classList.add('error-summary');
  });
});
