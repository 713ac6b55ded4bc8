// The inbox: ties rows, verbs, preview and keys together. The server paints the list; nothing here decides what is allowed.
import './styles/inbox.css';
import { openDialog } from './dialogs.js';
import { Preview } from './preview.js';
import { Rows } from './rows.js';
import { undoNow } from './undo.js';
import { Verbs } from './verbs.js';
import { words } from './words.js';

const verbKeys = { a: 'approve', r: 'return', c: 'claim', h: 'snooze' };

function typing(target) {
  return target.isContentEditable || target.matches('textarea, select, input:not([type=checkbox]):not([type=radio])');
}

function ignored(event) {
  return event.isComposing || event.keyCode === 229 || event.repeat && !/^[jk]|Arrow/i.test(event.key)
    || event.ctrlKey || event.altKey || event.metaKey || event.defaultPrevented
    || typing(event.target) || document.querySelector('dialog[open]');
}

function paintBar(root, rows) {
  const { ticked, all } = rows;
  const bar = root.querySelector('[data-bulk-bar]');
  if (bar) {
    bar.hidden = ticked.length === 0;
    bar.querySelectorAll('[data-bulk-count]').forEach((place) => { place.textContent = words('已选 {count} 件', { count: ticked.length }); });
    bar.querySelectorAll('[data-verb]').forEach((button) => {
      button.disabled = ticked.length > 0 && !ticked.some((row) => rows.allows(row, button.dataset.verb));
    });
  }
  const every = root.querySelector('[data-tick-all]');
  if (every) {
    every.checked = all.length > 0 && ticked.length === all.length;
    every.indeterminate = ticked.length > 0 && ticked.length < all.length;
  }
}

function extraKey(root, rows, key) {
  const selector = `[data-key="${CSS.escape(key)}"]`;
  const button = rows.current?.querySelector(selector) ?? root.querySelector(`${selector}:not([data-task] *)`);
  button?.click();
  return Boolean(button);
}

function open(row) {
  if (row?.dataset.url) location.assign(row.dataset.url);
}

function onKey(event, { root, rows, verbs }) {
  if (ignored(event)) return;
  const { current } = rows;
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const onControl = event.target.matches('a, button, summary');
  const actions = {
    j: () => rows.move(1),
    ArrowDown: () => rows.move(1),
    k: () => rows.move(-1),
    ArrowUp: () => rows.move(-1),
    x: () => current && (event.shiftKey ? rows.tickRange(current) : (rows.tick(current), rows.onChange())),
    o: () => open(current),
    Enter: () => (onControl ? false : open(current)),
    z: () => undoNow(),
    '/': () => root.querySelector('[data-search]')?.focus(),
    '?': () => { const dialog = document.getElementById('keys-dialog'); if (dialog) openDialog(dialog); },
    Escape: () => rows.tickAll(false),
  };
  if (verbKeys[key] && !event.shiftKey) actions[key] = () => verbs.start(verbKeys[key], verbs.meant());
  if (actions[key]) {
    if (actions[key]() !== false) event.preventDefault();
  } else if (extraKey(root, rows, key)) event.preventDefault();
}

function start(root) {
  let preview;
  const rows = new Rows(root, () => {
    paintBar(root, rows);
    preview?.show();
  });
  const verbs = new Verbs(root, rows);
  preview = new Preview(document.getElementById('preview'), rows);
  document.addEventListener('keydown', (event) => onKey(event, { root, rows, verbs }));
  const list = document.getElementById('inbox-list');
  const free = () => document.activeElement === document.body && !document.querySelector('dialog[open]');
  let hadFocus = false;
  list.addEventListener('htmx:beforeSwap', () => { hadFocus = list.contains(document.activeElement) || free(); });
  list.addEventListener('htmx:afterSettle', () => rows.restore({ focus: hadFocus && !document.querySelector('dialog[open]') }));
  list.addEventListener('repainted', () => rows.restore({ focus: free() }));
  rows.restore({ focus: false });
}

document.querySelectorAll('[data-inbox]').forEach(start);
