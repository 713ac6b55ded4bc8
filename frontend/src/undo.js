// The undo bar: one at a time, counts down, sends the undo request on click or by the inbox's key Z.
import htmx from 'htmx.org';
import { words } from './words.js';

let current = null;

function close() {
  if (!current) return;
  clearInterval(current.ticking);
  current.bar.remove();
  current = null;
}

/** Undoes what the bar offers; answers whether there was something to undo. */
export function undoNow() {
  if (!current) return false;
  const { url } = current;
  close();
  const list = document.getElementById('inbox-list');
  const done = htmx.ajax('POST', url, list ? { target: list, swap: 'innerHTML' } : { swap: 'none' });
  if (!list) done.then(() => location.reload());
  return true;
}

/** Offers to undo for some seconds: {url, text, seconds}. A newer offer takes the place of an older one. */
export function offerUndo({ url, text = '', seconds = 30 }) {
  close();
  const bar = document.createElement('div');
  bar.className = 'undo-bar';
  bar.setAttribute('role', 'status');
  const label = document.createElement('span');
  label.textContent = text;
  const rest = document.createElement('span');
  rest.className = 'undo-rest';
  rest.setAttribute('aria-hidden', 'true');
  const meter = document.createElement('progress');
  meter.max = seconds;
  meter.setAttribute('aria-hidden', 'true');
  const button = document.createElement('button');
  button.type = 'button';
  button.className = 'btn btn-sm btn-light';
  button.append(words('撤销'), ' ', Object.assign(document.createElement('kbd'), { textContent: 'Z' }));
  button.addEventListener('click', undoNow);
  bar.append(label, rest, button, meter);
  document.body.append(bar);
  const end = Date.now() + seconds * 1000;
  const tick = () => {
    const left = Math.max(0, Math.ceil((end - Date.now()) / 1000));
    rest.textContent = words('{seconds} 秒内可撤销', { seconds: left });
    meter.value = left;
    if (!left) close();
  };
  current = { url, bar, ticking: setInterval(tick, 500) };
  tick();
}
