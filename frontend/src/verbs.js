// Sends a verb for the current or the ticked rows: one form, one kind of request; a verb's dialog adds its fields.
import htmx from 'htmx.org';
import { ask, chooseByDigit, openDialog } from './dialogs.js';
import { csrfToken, postForm } from './http.js';
import { showCounts } from './poll.js';
import { toast } from './toast.js';
import { words } from './words.js';

export class Verbs {
  constructor(root, rows, preview, refused) {
    this.root = root;
    this.rows = rows;
    this.preview = preview;
    this.refused = refused;
    this.queue = Promise.resolve();
    this.waiting = new Set(); // decided, not yet sent: goes out even when the page is left
    window.addEventListener('pagehide', () => this.waiting.forEach((body) => postForm(this.form.action, body).catch(() => {})));
    this.form = root.querySelector('#bulk-form') ?? document.getElementById('bulk-form');
    root.addEventListener('click', ({ target }) => {
      const button = target.closest('[data-verb]');
      if (!button) return;
      const row = button.closest('[data-task]');
      const { current, ticked } = this.rows;
      const one = row ?? (button.closest('#preview') ? current : null);
      this.start(button.dataset.verb, one ? [one] : ticked, button, one ? [] : this.rows.elsewhere);
    });
    document.addEventListener('change', ({ target }) => { if (target.matches('[data-text]')) this.prefill(target); });
  }

  /** The rows a key means: the ticked ones, else the current one. */
  meant() {
    const { ticked, current } = this.rows;
    return ticked.length ? ticked : current ? [current] : [];
  }

  /** Whether a row allows a verb: by the list, or because its whole case with this button is before the person. */
  able(row, verb) {
    return this.rows.allows(row, verb) || this.preview.shows(row) && Boolean(this.preview.place.querySelector(`[data-verb="${CSS.escape(verb)}"]:not(:disabled)`));
  }

  /** The verb a key stands for, by the model of the rows it means. */
  of(key) {
    const [row] = this.meant();
    if (!row) return null;
    const button = this.preview.shows(row) ? this.preview.place.querySelector(`[data-verb-key="${key}"]`) : null;
    const listed = (row.dataset.keys ?? '').split(' ').find((pair) => pair.startsWith(`${key}:`))?.slice(2);
    return button?.dataset.verb ?? listed ?? { a: 'approve', r: 'return' }[key];
  }

  /** The dialog of a verb: that of the rows' own activity where the page holds several. */
  dialogOf(verb, rows) {
    const scopes = new Set(this.rows.all.map((row) => row.dataset.scope));
    const general = document.getElementById(`${verb}-dialog`);
    return scopes.size === 1 && general ? general : document.getElementById(`${verb}-${rows[0].dataset.scope}-dialog`) ?? general;
  }

  /** `elsewhere`: those ticked beyond the page, which only the server can judge. */
  async start(verb, rows, button, elsewhere = []) {
    if (!rows.length) return undefined;
    const able = rows.filter((row) => this.able(row, verb));
    if (!able.length) return toast(words(rows.length > 1 ? '选中的事项都不能这样办理。' : '当前事项不能这样办理。'), 'warning');
    if (able.length < rows.length) toast(words('其中 {count} 件不能这样办理，将跳过。', { count: rows.length - able.length }), 'warning');
    const dialog = this.dialogOf(verb, able);
    if (dialog) return this.openFor(dialog, verb, able, button?.dataset.reason, elsewhere);
    const question = (button ?? (elsewhere.length ? this.root.querySelector(`[data-bulk-bar] [data-verb="${CSS.escape(verb)}"]`) : null))?.dataset.ask;
    if (question && !(await ask(question.replace('{count}', able.length + elsewhere.length)))) return undefined;
    return this.send(verb, able, {}, elsewhere);
  }

  openFor(dialog, verb, rows, reason, elsewhere = []) {
    const form = dialog.querySelector('form');
    form.reset();
    dialog.querySelectorAll('[data-bulk-count]').forEach((place) => { place.textContent = words('已选 {count} 件', { count: rows.length + elsewhere.length }); });
    dialog.querySelectorAll('textarea').forEach((text) => { delete text.dataset.edited; text.oninput = () => { text.dataset.edited = '1'; }; });
    dialog.onclose = null;
    form.onsubmit = (event) => {
      event.preventDefault();
      dialog.close();
      this.send(verb, rows, Object.fromEntries(new FormData(form)), elsewhere);
    };
    const due = Math.min(...rows.map((row) => Date.parse(row.dataset.due ?? '') || Infinity));
    dialog.querySelectorAll('[data-moment]').forEach((choice) => {
      choice.disabled = Date.parse(choice.dataset.moment) > due;
      choice.closest('label').classList.toggle('is-past', choice.disabled);
    });
    dialog.onkeydown = (event) => this.dialogKey(event, dialog, form);
    openDialog(dialog);
    const chosen = reason && dialog.querySelector(`[name="reason"][value="${CSS.escape(reason)}"]`);
    if (chosen) {
      chosen.checked = true;
      this.prefill(chosen);
      return dialog.querySelector('button[type=submit]')?.focus();
    }
    return (dialog.querySelector('[autofocus]') ?? dialog.querySelector('input:not([type=hidden]), textarea, select'))?.focus();
  }

  dialogKey(event, dialog, form) {
    if (event.isComposing || event.keyCode === 229 || event.repeat) return;
    if (event.key === 'Enter' && (event.ctrlKey || !event.target.matches('textarea, button'))) {
      event.preventDefault();
      form.requestSubmit();
    } else chooseByDigit(event, dialog);
  }

  prefill(choice) {
    const text = choice.form?.querySelector('textarea[name="text"]');
    if (text && !text.dataset.edited) text.value = choice.dataset.text ?? '';
  }

  /** One request for all rows, one after the other; the rows leave the list at once and come back on top if the server refuses. */
  send(verb, rows, fields, elsewhere = []) {
    const body = new FormData(this.form);
    const opened = rows.length === 1 && this.preview.shows(rows[0]) ? { opened: '1' } : {};
    for (const [name, value] of Object.entries({ ...fields, ...opened, verb })) body.set(name, value);
    rows.forEach((row) => body.append('task', `${row.dataset.task}:${row.dataset.revision ?? ''}`));
    if (elsewhere.length) body.set('tasks', elsewhere.map(({ seat, revision }) => `${seat}:${revision}`).join(','));
    rows.forEach((row) => {
      this.rows.tick(row, false);
      this.refused.forget(row.dataset.task);
    });
    this.rows.setPending(rows, true);
    if (rows.includes(this.rows.current)) this.moveOn();
    this.rows.onChange();
    this.waiting.add(body);
    this.queue = this.queue.then(() => this.perform(body, rows));
    return this.queue;
  }

  /** Whatever the list's polling asked before is out of date now. */
  touch() {
    const { dataset } = document.getElementById('inbox-list');
    dataset.changes = Number(dataset.changes ?? 0) + 1;
  }

  async perform(body, rows) {
    this.waiting.delete(body);
    this.touch();
    body.set('csrf_token', csrfToken());
    try {
      const { body: html, headers } = await postForm(this.form.action, body);
      this.touch();
      this.rows.setPending(rows, false);
      showCounts(headers.get('X-Counts'));
      this.repaint(html);
    } catch (refusal) {
      this.rows.setPending(rows, false);
      const focused = document.activeElement;
      this.refused.add(rows, refusal.message);
      if (rows.length > 1) this.rows.tickAgain(rows.map((row) => row.dataset.task));
      else this.rows.onChange();
      if (focused?.isConnected && focused !== document.body) focused.focus({ preventScroll: true });
    }
  }

  /** The list as the server answered it, with the tabs beside it; an open dialog and its focus are left alone. */
  repaint(html) {
    const list = document.getElementById('inbox-list');
    const { activeElement } = document;
    const focus = !document.querySelector('dialog[open]') && (activeElement === document.body || list.contains(activeElement));
    htmx.swap(list, html, { swapStyle: 'innerHTML', swapDelay: 0, settleDelay: 0 });
    list.dispatchEvent(new CustomEvent('repainted', { bubbles: true, detail: { focus } }));
  }

  moveOn() {
    const { all, place } = this.rows;
    const free = (row) => !this.rows.isPending(row);
    const next = all.slice(place).find(free) ?? all.slice(0, place).reverse().find(free);
    if (next) this.rows.setCurrent(next);
    this.preview.comeUp();
  }
}
