// Keeps marked elements up to date by conditional requests: an unchanged list costs a 304 and no repaint.
import htmx from 'htmx.org';
import { mindPerson, signInAgain } from './session.js';

const tags = new WeakMap();

function busy(element) {
  if (document.hidden || document.querySelector('dialog[open]')) return true;
  const { activeElement } = document;
  return element.contains(activeElement) && activeElement.matches('textarea, select, input:not([type=checkbox])');
}

/** Sets the figures of the page from an answer's X-Counts header. */
export function showCounts(header) {
  if (!header) return;
  const counts = JSON.parse(header);
  for (const place of document.querySelectorAll('[data-count]')) {
    const value = counts[place.dataset.count];
    if (value === undefined) continue;
    place.textContent = value;
    place.hidden = !value || value === '0' && !('countZero' in place.dataset);
  }
  document.querySelectorAll('.today-pace').forEach((place) => { place.hidden = !counts.pace; });
}

/** Asks once; swaps only a changed answer. */
export async function pollOnce(element) {
  const headers = { 'HX-Request': 'true', 'X-Poll': '1' };
  if (tags.has(element)) headers['If-None-Match'] = tags.get(element);
  const { changes } = element.dataset;
  const response = await fetch(element.dataset.poll, { headers, credentials: 'same-origin', cache: 'no-store' });
  if (element.dataset.changes !== changes) return; // it was asked before the person did something: out of date
  showCounts(response.headers.get('X-Counts'));
  mindPerson(response.headers.get('X-Person'));
  if (response.status === 401) signInAgain();
  if (response.status !== 200) return;
  const first = !tags.has(element);
  const tag = response.headers.get('ETag');
  if (tag) tags.set(element, tag);
  const html = await response.text();
  if (busy(element) && !first) return tags.delete(element);
  htmx.swap(element, html, { swapStyle: 'innerHTML', swapDelay: 0, settleDelay: 0 });
  element.dispatchEvent(new CustomEvent('repainted', { bubbles: true }));
}

function watch(element) {
  if (element.dataset.polling) return;
  element.dataset.polling = '1';
  const wait = Number(element.dataset.pollSeconds ?? 5) * 1000;
  const again = async () => {
    if (!element.isConnected) return;
    if (!busy(element)) await pollOnce(element).catch(() => {});
    setTimeout(again, wait);
  };
  setTimeout(again, wait);
}

export function startPolling() {
  const scan = () => document.querySelectorAll('[data-poll]').forEach(watch);
  scan();
  document.addEventListener('htmx:afterSettle', scan);
}
