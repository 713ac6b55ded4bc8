// The case beside the list: shows the current row's, and fetches the next three ahead so that moving on needs no waiting.
import htmx from 'htmx.org';
import { get } from './http.js';
import { words } from './words.js';

const ahead = 3;
const kept = 30;
const fresh = 20000; // milliseconds after which a kept page is asked for again while it is shown

export class Preview {
  constructor(place, rows) {
    this.place = place;
    this.rows = rows;
    this.pages = new Map();
    this.shown = null;
  }

  key(row) {
    return `${row.dataset.task}#${row.dataset.revision ?? ''}`;
  }

  address(row) {
    return this.place.dataset.address.replace('/0/', `/${row.dataset.task}/`);
  }

  /** Whether the whole case of this row, as it is listed, is before the person. */
  shows(row) {
    return Boolean(this.place && row && this.shown === this.key(row) && this.place.dataset.seat === row.dataset.task);
  }

  get visible() {
    return Boolean(this.place) && getComputedStyle(this.place).display !== 'none';
  }

  fetch(row) {
    const key = this.key(row);
    const known = this.pages.get(key);
    if (known) return known.html;
    const page = { at: Date.now(), etag: null, html: null };
    page.html = get(this.address(row)).then(({ body, headers }) => {
      page.etag = headers.get('ETag');
      return body;
    });
    page.html.catch(() => this.pages.delete(key));
    this.pages.set(key, page);
    if (this.pages.size > kept) this.pages.delete(this.pages.keys().next().value);
    return page.html;
  }

  /** A kept page may be out of date: asked for again with its tag, painted only when it changed. */
  async renew(row) {
    const key = this.key(row);
    const page = this.pages.get(key);
    if (!page || !page.etag || Date.now() - page.at < fresh) return;
    page.at = Date.now();
    const { status, body, headers } = await get(this.address(row), { 'If-None-Match': page.etag });
    if (status === 304) return;
    page.etag = headers.get('ETag');
    page.html = Promise.resolve(body);
    if (this.shown === key) this.paint(body, row);
  }

  paint(html, row) {
    htmx.swap(this.place, html, { swapStyle: 'innerHTML', swapDelay: 0, settleDelay: 0 });
    this.place.scrollTop = 0;
    this.place.dataset.seat = row.dataset.task;
    for (const template of this.place.querySelectorAll('template[data-dialogs]')) {
      for (const dialog of template.content.querySelectorAll('dialog')) {
        if (!document.getElementById(dialog.id)) this.rows.root.append(document.importNode(dialog, true));
      }
    }
    document.dispatchEvent(new CustomEvent('case-shown', { detail: { seat: row.dataset.task } }));
  }

  /** On a phone the case stands above the list: what comes next is read from its top. */
  comeUp() {
    if (!this.visible || !matchMedia('(max-width: 767px)').matches) return;
    this.place.scrollIntoView({ block: 'start' });
    if (!document.querySelector('dialog[open]')) this.place.focus({ preventScroll: true });
  }

  async show() {
    if (!this.visible) return;
    const row = this.rows.current;
    if (!row) {
      this.shown = null;
      delete this.place.dataset.seat;
      this.place.replaceChildren();
      return;
    }
    const key = this.key(row);
    if (key === this.shown) return;
    this.shown = key;
    try {
      const html = await this.fetch(row);
      if (this.shown !== key) return;
      this.paint(html, row);
      this.renew(row).catch(() => {});
    } catch (refusal) {
      if (this.shown === key) this.place.textContent = `${words('载入失败')}：${refusal.message}`;
    }
    const all = this.rows.all.filter((other) => !this.rows.isPending(other));
    const here = all.indexOf(row);
    all.slice(here + 1, here + 1 + ahead).forEach((next) => this.fetch(next).catch(() => {}));
  }
}
