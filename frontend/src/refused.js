// Items the server did not accept: back on top of the list with the reason, over every repaint, until the person has dealt with them.
import { words } from './words.js';

export class Refused {
  constructor(list) {
    this.list = list;
    this.items = new Map();
    list.addEventListener('click', ({ target }) => {
      const button = target.closest('[data-dismiss]');
      if (button) this.forget(button.dataset.dismiss);
    });
  }

  /** Keeps what was refused of these rows. */
  add(rows, reason) {
    for (const row of rows) this.items.set(row.dataset.task, { reason, name: row.dataset.name ?? '', url: row.querySelector('.row-title')?.href ?? '' });
    this.paint();
  }

  forget(id) {
    this.items.delete(id);
    this.list.querySelectorAll(`[data-refused="${CSS.escape(id)}"]`).forEach((place) => place.remove());
    this.list.querySelector(`[data-task="${CSS.escape(id)}"]`)?.classList.remove('is-refused');
  }

  line(id, { reason, name, url }) {
    const made = (tag, properties, ...children) => {
      const element = Object.assign(document.createElement(tag), properties);
      element.append(...children);
      return element;
    };
    const close = made('button', { type: 'button', className: 'btn btn-sm btn-ghost-secondary', textContent: words('知道了') });
    close.dataset.dismiss = id;
    const line = made('div', { className: 'refused-line' }, made('a', { href: url, textContent: name }), made('span', { textContent: reason }), close);
    line.dataset.refused = id;
    line.setAttribute('role', 'alert');
    return line;
  }

  /** After a repaint: the reasons on top, and the rows that are still in the list right under them. */
  paint() {
    this.list.querySelectorAll('.refused-line').forEach((line) => line.remove());
    const body = this.list.querySelector('tbody');
    for (const [id, item] of [...this.items].reverse()) {
      this.list.prepend(this.line(id, item));
      const row = body?.querySelector(`[data-task="${CSS.escape(id)}"]`);
      if (!row) continue;
      row.classList.add('is-refused');
      body.prepend(row);
    }
  }
}
