// The outcome a person is about to choose: opens its fields in the form, asks for what it needs, fills in ready sentences.
import { words } from './words.js';

const empty = (value) => value === undefined || value === null || value === '' || Array.isArray(value) && !value.length;
const frame = () => new Promise((done) => { requestAnimationFrame(() => requestAnimationFrame(done)); });

function everyComponent(components = []) {
  return components.flatMap((component) => [component, ...everyComponent(component.components)]);
}

/** The sentences that the chosen options of another field stand for, as the field's own properties name them. */
function readyText({ properties }, data) {
  const chosen = data[properties.prefill_from];
  return [chosen ?? []].flat().map((option) => properties[option]).filter(Boolean).join('\n');
}

export class Outcomes {
  /** The form's expressions read `outcome`: empty until a button is chosen, so that fields of one outcome stay away. */
  constructor(form, root, schema) {
    this.form = form;
    this.root = root;
    this.buttons = [...document.querySelectorAll('[data-form-submit][data-outcome]')];
    this.prefilled = everyComponent(schema.components).filter(({ key, properties }) => key && properties?.prefill_from);
    this.written = {};
    this.set('');
    form.on('changed', () => this.prefill());
  }

  get data() { return this.form._getState().data; }

  set(outcome) {
    this.form._setState({ data: { ...this.data, outcome } });
  }

  /** Whether the outcome may be sent now; the first press of one that needs fields nobody has filled in only opens them. */
  async choose(button) {
    const { outcome } = button.dataset;
    if (outcome === undefined) return true;
    const opened = this.data.outcome === outcome;
    if (!opened) this.set(outcome);
    await frame();
    const needs = this.needs(button);
    if (opened || !needs.some((key) => empty(this.data[key]))) return true;
    this.show(button);
    this.focus(needs);
    return false;
  }

  needs(button) {
    return (button.dataset.requires ?? '').split(' ').filter(Boolean);
  }

  /** What the outcome needs and nobody has filled in, as errors by field. */
  missing(button) {
    const left = this.needs(button).filter((key) => empty(this.data[key]));
    return Object.fromEntries(left.map((key) => [key, words('请填写此项')]));
  }

  show(button) {
    this.buttons.forEach((other) => other.setAttribute('aria-pressed', String(other === button)));
    this.hint ??= button.closest('.actions')?.appendChild(Object.assign(document.createElement('p'), { className: 'muted outcome-hint mb-0' }));
    if (!this.hint) return;
    this.hint.setAttribute('role', 'status');
    this.hint.textContent = words('请填写后再按一次“{outcome}”。', { outcome: button.textContent.trim() });
  }

  focus(keys) {
    const instances = this.form.get('formFieldInstanceRegistry').getAllKeyed();
    const first = keys.map((key) => instances.find(({ valuePath }) => valuePath.at(-1) === key)).find(Boolean);
    const place = first && this.root.querySelector(`[id*="-${CSS.escape(first.id)}"]`);
    const field = place?.matches('input, textarea, select') ? place : place?.querySelector('input, textarea, select');
    field?.scrollIntoView({ block: 'center' });
    field?.focus({ preventScroll: true });
  }

  /** Ready sentences follow the chosen options until the person writes words of his own. */
  prefill() {
    const { data } = this;
    const filled = {};
    for (const field of this.prefilled) {
      const text = readyText(field, data);
      const now = data[field.key] ?? '';
      if (text !== now && (now === '' || now === this.written[field.key]) && text !== (this.written[field.key] ?? '')) filled[field.key] = text;
      if (field.key in filled) this.written[field.key] = text;
    }
    if (Object.keys(filled).length) this.form._setState({ data: { ...data, ...filled } });
  }
}
