// The case beside the list: shows the current row's, and fetches the next three ahead so that moving on needs no waiting.
import htmx from 'htmx.org';
import { get } from './http.js';
import { words } from './words.js';

const ahead = 3;
const kept = 30;

export class Preview {
  constructor(place, rows) {
    this.place = place;
    this.rows = rows;
    this.pages = new Map();
    this.shown = null;
  }

  key(row) {
    return `${row.dataset.previewUrl}#${row.dataset.revision ?? ''}`;
  }

  fetch(row) {
    const key = this.key(row);
    if (!this.pages.has(key)) {
      const page = get(row.dataset.previewUrl).then(({ body }) => body);
      page.catch(() => this.pages.delete(key));
      this.pages.set(key, page);
      if (this.pages.size > kept) this.pages.delete(this.pages.keys().next().value);
    }
    return this.pages.get(key);
  }

  async show() {
    const row = this.rows.current;
    if (!this.place || !row?.dataset.previewUrl || getComputedStyle(this.place).display === 'none') return;
    const key = this.key(row);
    if (key === this.shown) return;
    this.shown = key;
    try {
      const html = await this.fetch(row);
      if (this.shown !== key) return;
      htmx.swap(this.place, html, { swapStyle: 'innerHTML', swapDelay: 0, settleDelay: 0 });
      this.place.scrollTop = 0;
    } catch (refusal) {
      this.place.textContent = `${words('载入失败')}：${refusal.message}`;
    }
    const all = this.rows.all;
    const here = all.indexOf(row);
    all.slice(here + 1, here + 1 + ahead).forEach((next) => { if (next.dataset.previewUrl) this.fetch(next).catch(() => {}); });
  }
}
