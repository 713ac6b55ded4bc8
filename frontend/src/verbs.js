// Sends a verb for the current or the ticked rows: one form, one kind of request; a verb's dialog adds its fields.
import htmx from 'htmx.org';
import { ask, openDialog } from './dialogs.js';
import { toast } from './toast.js';
import { words } from './words.js';

export class Verbs {
  constructor(root, rows) {
    this.root = root;
    this.rows = rows;
    this.queue = Promise.resolve();
    this.form = root.querySelector('#bulk-form') ?? document.getElementById('bulk-form');
    root.addEventListener('click', ({ target }) => {
      const button = target.closest('[data-verb]');
      if (!button) return;
      const row = button.closest('[data-task]');
      const { current, ticked } = this.rows;
      this.start(button.dataset.verb, row ? [row] : button.closest('#preview') ? [current].filter(Boolean) : ticked, button);
    });
    document.addEventListener('htmx:beforeSwap', ({ detail }) => { if (detail.shouldSwap && detail.target?.id === 'inbox-list') this.answered = true; });
    document.addEventListener('change', ({ target }) => { if (target.matches('[data-text]')) this.prefill(target); });
  }

  /** The rows a key means: the ticked ones, else the current one. */
  meant() {
    const { ticked, current } = this.rows;
    return ticked.length ? ticked : current ? [current] : [];
  }

  async start(verb, rows, button) {
    if (!rows.length) return;
    const able = rows.filter((row) => this.rows.allows(row, verb));
    if (!able.length) return toast(words(rows.length > 1 ? '选中的事项都不能这样办理。' : '当前事项不能这样办理。'), 'warning');
    if (able.length < rows.length) toast(words('其中 {count} 件不能这样办理，将跳过。', { count: rows.length - able.length }), 'warning');
    const dialog = document.getElementById(`${verb}-dialog`);
    if (dialog) return this.openFor(dialog, verb, able);
    if (button?.dataset.ask && !(await ask(button.dataset.ask.replace('{count}', able.length)))) return undefined;
    return this.send(verb, able, {});
  }

  openFor(dialog, verb, rows) {
    const form = dialog.querySelector('form');
    form.reset();
    dialog.querySelectorAll('[data-bulk-count]').forEach((place) => { place.textContent = words('已选 {count} 件', { count: rows.length }); });
    dialog.querySelectorAll('textarea').forEach((text) => { delete text.dataset.edited; text.oninput = () => { text.dataset.edited = '1'; }; });
    dialog.onclose = null;
    form.onsubmit = (event) => {
      event.preventDefault();
      dialog.close();
      this.send(verb, rows, Object.fromEntries(new FormData(form)));
    };
    dialog.onkeydown = (event) => this.dialogKey(event, dialog, form);
    openDialog(dialog);
    (dialog.querySelector('[autofocus]') ?? dialog.querySelector('input:not([type=hidden]), textarea, select'))?.focus();
  }

  dialogKey(event, dialog, form) {
    if (event.isComposing || event.repeat || event.ctrlKey && event.key !== 'Enter') return;
    const typing = event.target.matches('textarea, input:not([type=radio]):not([type=checkbox])');
    if (event.key === 'Enter' && (event.ctrlKey || !event.target.matches('textarea, button'))) {
      event.preventDefault();
      form.requestSubmit();
    } else if (/^[0-9]$/.test(event.key) && !typing) {
      const choice = dialog.querySelector(`[data-digit="${event.key}"]`);
      if (!choice) return;
      event.preventDefault();
      choice.checked = true;
      choice.focus();
      this.prefill(choice);
    }
  }

  prefill(choice) {
    const text = choice.form?.querySelector('textarea[name="text"]');
    if (text && !text.dataset.edited) text.value = choice.dataset.text ?? '';
  }

  /** One request for all rows, one request after the other; the rows look settled at once and come back if the server refuses. */
  send(verb, rows, fields) {
    const tasks = rows.map((row) => `${row.dataset.task}:${row.dataset.revision ?? ''}`);
    rows.forEach((row) => this.rows.tick(row, false));
    this.rows.setPending(rows, true);
    if (rows.includes(this.rows.current)) this.moveOn();
    this.rows.onChange();
    const values = { ...fields, verb, task: tasks };
    const request = () => htmx.ajax('POST', this.form.action, { source: this.form, target: '#inbox-list', swap: 'innerHTML', values });
    this.queue = this.queue.then(() => {
      this.answered = false;
      const answered = request();
      this.rows.setPending(rows, false);
      rows.forEach((row) => row.classList.add('is-pending'));
      return answered;
    }).catch(() => {}).finally(() => {
      rows.forEach((row) => row.classList.remove('is-pending'));
      if (!this.answered && rows.length > 1) this.rows.tickAgain(rows.map((row) => row.dataset.task));
    });
    return this.queue;
  }

  moveOn() {
    const { all, place } = this.rows;
    const free = (row) => !this.rows.isPending(row);
    const next = all.slice(place).find(free) ?? all.slice(0, place).reverse().find(free);
    if (next) this.rows.setCurrent(next);
  }
}
