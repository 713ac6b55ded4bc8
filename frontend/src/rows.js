// The inbox's rows: which is current, which are ticked, what each allows; keeps both over every repaint.

export class Rows {
  /** root: the inbox element; onChange: called after the ticks or the current row changed. */
  constructor(root, onChange) {
    this.root = root;
    this.onChange = onChange;
    this.currentId = null;
    this.place = 0;
    this.anchor = null;
    this.tickedIds = new Set();
    this.pendingIds = new Set();
    this.elsewhere = []; // ticked on other pages of the list, as they were when that was asked: {seat, revision, name, must_open}
    root.addEventListener('click', (event) => this.clicked(event));
    root.addEventListener('focusin', ({ target }) => {
      const row = target.closest('[data-task]');
      if (row && row !== this.current) this.setCurrent(row, { focus: false });
    });
  }

  get all() {
    return [...this.root.querySelectorAll('[data-task]')];
  }

  get current() {
    return this.all.find((row) => row.dataset.task === this.currentId) ?? null;
  }

  get ticked() {
    return this.all.filter((row) => this.box(row)?.checked);
  }

  /** How many are ticked, on this page and on the others. */
  get count() {
    return this.ticked.length + this.elsewhere.length;
  }

  box(row) {
    return row.querySelector('[data-tick]');
  }

  allows(row, verb) {
    return (row.dataset.can ?? '').split(' ').includes(verb);
  }

  isPending(row) {
    return this.pendingIds.has(row.dataset.task);
  }

  /** Marks rows whose verb is under way: they are skipped until the server has answered. */
  setPending(rows, pending) {
    for (const row of rows) {
      if (pending) this.pendingIds.add(row.dataset.task);
      else this.pendingIds.delete(row.dataset.task);
      row.classList.toggle('is-pending', pending);
    }
  }

  setCurrent(row, { focus = true } = {}) {
    for (const other of this.root.querySelectorAll('.is-current')) {
      other.classList.remove('is-current');
      other.removeAttribute('aria-current');
      other.tabIndex = -1;
    }
    if (row) {
      row.classList.add('is-current');
      row.setAttribute('aria-current', 'true');
      row.tabIndex = 0;
      this.currentId = row.dataset.task;
      this.place = this.all.indexOf(row);
      if (focus) row.focus({ preventScroll: true });
      if (focus) row.scrollIntoView({ block: 'nearest' });
    }
    this.onChange();
  }

  move(step) {
    const rows = this.all;
    if (!rows.length) return;
    const here = rows.indexOf(this.current);
    let next = here < 0 ? Math.min(this.place, rows.length - 1) : here + step;
    while (rows[next] && this.isPending(rows[next])) next += step;
    if (rows[next]) this.setCurrent(rows[next]);
  }

  tick(row, checked = !this.box(row)?.checked) {
    const box = this.box(row);
    if (!box || box.disabled) return;
    if (!checked) this.elsewhere = []; // what is meant is no longer the whole list
    box.checked = checked;
    row.classList.toggle('is-ticked', checked);
    if (checked) this.tickedIds.add(row.dataset.task);
    else this.tickedIds.delete(row.dataset.task);
    this.anchor = row.dataset.task;
  }

  /** A request for these rows came to nothing: they are ticked again, so that nothing has to be chosen twice. */
  tickAgain(ids) {
    this.all.filter((row) => ids.includes(row.dataset.task)).forEach((row) => this.tick(row, true));
    this.onChange();
  }

  /** Ticks from the row ticked last to this one. */
  tickRange(row) {
    const rows = this.all;
    const from = rows.findIndex((other) => other.dataset.task === this.anchor);
    const to = rows.indexOf(row);
    const [low, high] = from < 0 ? [to, to] : [Math.min(from, to), Math.max(from, to)];
    rows.slice(low, high + 1).forEach((other) => this.tick(other, true));
    this.onChange();
  }

  tickAll(checked) {
    this.elsewhere = [];
    this.all.forEach((row) => this.tick(row, checked));
    this.anchor = null;
    this.onChange();
  }

  clicked(event) {
    const { target } = event;
    if (target.matches('[data-tick-all]')) return this.tickAll(target.checked);
    if (target.closest('[data-tick-none]')) return this.tickAll(false);
    const row = target.closest('[data-task]');
    if (!row) return undefined;
    if (target.matches('[data-tick]')) {
      if (event.shiftKey) this.tickRange(row);
      else this.tick(row, target.checked);
      return this.onChange();
    }
    if (!target.closest('a, button, input, select, textarea, label, summary')) {
      this.setCurrent(row);
      this.root.dispatchEvent(new CustomEvent('row-chosen'));
    }
    return undefined;
  }

  /** After a repaint: ticks and the current row are found again, else the row now at the same place is current. */
  restore({ focus }) {
    const rows = this.all;
    const present = new Set(rows.map((row) => row.dataset.task));
    this.tickedIds.forEach((id) => { if (!present.has(id)) this.tickedIds.delete(id); });
    for (const row of rows) {
      const box = this.box(row);
      if (!box) continue;
      box.checked = this.tickedIds.has(row.dataset.task);
      row.classList.toggle('is-ticked', box.checked);
      row.classList.toggle('is-pending', this.isPending(row));
    }
    const row = this.current ?? rows[Math.min(this.place, rows.length - 1)];
    if (row) this.setCurrent(row, { focus });
    else this.onChange();
  }
}
