// What is beyond the page: the rest of a list to tick, people whom a picker cannot list. Fetched only when somebody asks for it.
import { get } from './http.js';
import { toast } from './toast.js';
import { words } from './words.js';

/** Ticks the page and, as the server says they are now, the items of the other pages. */
export async function tickMatching(button, rows) {
  button.disabled = true;
  try {
    const { body } = await get(button.dataset.tickMatching, { Accept: 'application/json' });
    const here = new Set(rows.all.map((row) => row.dataset.task));
    rows.tickAll(true);
    rows.elsewhere = body.tasks.filter(({ seat }) => !here.has(String(seat)));
    rows.onChange();
    if (body.more) toast(words('一次最多选 {count} 件，其余请分批办理。', { count: body.tasks.length }), 'warning');
  } catch (refusal) {
    toast(refusal.message, 'danger');
  }
  button.disabled = false;
}

let asking = 0;

/** A list that could not hold everybody: the server looks for the others; who is ticked stays, on top. */
export async function search(field) {
  const mine = ++asking;
  await new Promise((wait) => { setTimeout(wait, 250); });
  if (mine !== asking) return;
  const list = field.closest('[data-choices]').querySelector('.choice-list');
  const { body } = await get(`${field.dataset.searchUrl}?${new URLSearchParams({ key: field.dataset.searchKey, text: field.value.trim() })}`).catch(() => ({}));
  if (mine !== asking || !body) return;
  const kept = [...list.querySelectorAll('label')].filter((choice) => choice.querySelector(':checked'));
  const found = new DOMParser().parseFromString(body, 'text/html').body;
  const ticked = new Set(kept.map((choice) => choice.querySelector('input').value));
  const fresh = [...found.children].filter((choice) => !ticked.has(choice.querySelector('input')?.value));
  list.replaceChildren(...kept, ...(kept.length && !found.querySelector('input') ? [] : fresh));
}
