// Short messages in the corner and the undo bar; both survive one change of page on request.
import { words } from './words.js';

const kept = 'banjie.toast';
const seconds = { success: 4, info: 5, warning: 8, danger: 0 };

function area() {
  return document.getElementById('toasts') ?? document.body;
}

/** Shows a message; kind danger stays until closed, the others leave by themselves unless pointed at. */
export function toast(text, kind = 'info') {
  if ([...area().querySelectorAll('.notice span')].some(({ textContent }) => textContent === text)) return;
  const box = document.createElement('div');
  box.className = `notice notice-${kind}`;
  box.setAttribute('role', kind === 'danger' ? 'alert' : 'status');
  const message = document.createElement('span');
  message.textContent = text;
  const close = document.createElement('button');
  close.type = 'button';
  close.className = 'notice-close';
  close.setAttribute('aria-label', words('关闭'));
  close.textContent = '×';
  close.addEventListener('click', () => box.remove());
  box.append(message, close);
  const lasting = [...area().querySelectorAll('.notice:not(.notice-danger)')];
  lasting.slice(0, Math.max(0, lasting.length - 2)).forEach((older) => older.remove());
  area().append(box);
  if (seconds[kind]) leaveLater(box, seconds[kind] * 1000);
}

function leaveLater(box, wait) {
  let timer = setTimeout(() => box.remove(), wait);
  box.addEventListener('mouseenter', () => clearTimeout(timer));
  box.addEventListener('mouseleave', () => { timer = setTimeout(() => box.remove(), 1500); });
}

/** Shows the message on the page that is opened next. */
export function toastAfterwards(text, kind = 'success') {
  sessionStorage.setItem(kept, JSON.stringify({ text, kind }));
}

export function showKeptToast() {
  const stored = sessionStorage.getItem(kept);
  sessionStorage.removeItem(kept);
  if (stored) {
    const { text, kind } = JSON.parse(stored);
    toast(text, kind);
  }
}
