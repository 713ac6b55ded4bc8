// The inbox: ties rows, verbs, preview and keys together. The server paints the list; nothing here decides what is allowed.
import './styles/inbox.css';
import { openDialog } from './dialogs.js';
import { Preview } from './preview.js';
import { Refused } from './refused.js';
import { Rows } from './rows.js';
import { undoNow } from './undo.js';
import { Verbs } from './verbs.js';
import { words } from './words.js';

const verbKeys = { a: null, r: null, c: 'claim', h: 'snooze' }; // null: by the model of the row

function typing(target) {
  return target.isContentEditable || target.matches('textarea, select, input:not([type=checkbox]):not([type=radio])');
}

function ignored(event) {
  return event.isComposing || event.keyCode === 229 || event.repeat && !/^[jk]|Arrow/i.test(event.key)
    || event.ctrlKey || event.altKey || event.metaKey || event.defaultPrevented
    || typing(event.target) || document.querySelector('dialog[open]');
}

function paintBar(root, rows) {
  const { ticked, all, elsewhere, count } = rows;
  const bar = root.querySelector('[data-bulk-bar]');
  if (bar) {
    bar.hidden = ticked.length === 0;
    bar.querySelectorAll('[data-bulk-count]').forEach((place) => { place.textContent = words('已选 {count} 件', { count }); });
    bar.querySelectorAll('[data-verb]').forEach((button) => {
      button.disabled = ticked.length > 0 && !ticked.some((row) => rows.allows(row, button.dataset.verb));
    });
    const closed = [...ticked.filter((row) => 'openFirst' in row.dataset).map((row) => row.dataset.name), ...elsewhere.filter((one) => one.must_open).map(({ name }) => name)];
    const beyond = bar.querySelector('[data-tick-matching]');
    if (beyond) beyond.hidden = elsewhere.length > 0 || ticked.length < all.length || !root.querySelector('.pager a');
    const note = bar.querySelector('[data-bulk-note]');
    if (note) {
      note.hidden = closed.length === 0;
      note.querySelector('b').textContent = words('{count} 件', { count: closed.length });
      note.querySelector('span').textContent = closed.join(words('、'));
    }
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
  const link = row?.querySelector('.row-title');
  if (link) location.assign(link.href);
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
  if (key in verbKeys && !event.shiftKey) {
    actions[key] = () => {
      const verb = verbKeys[key] ?? verbs.of(key);
      if (verb) verbs.start(verb, verbs.meant(), null, rows.elsewhere);
    };
  }
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
  const list = document.getElementById('inbox-list');
  preview = new Preview(document.getElementById('preview'), rows);
  const refused = new Refused(list);
  const verbs = new Verbs(root, rows, preview, refused);
  document.addEventListener('keydown', (event) => onKey(event, { root, rows, verbs }));
  root.addEventListener('row-chosen', () => preview.comeUp());
  root.addEventListener('click', ({ target }) => {
    const button = target.closest('[data-unfold]');
    if (!button) return;
    button.closest('.case-facts').classList.add('is-open');
    button.remove();
  });
  root.addEventListener('click', ({ target }) => {
    const button = target.closest('[data-tick-matching]');
    if (button) import('./beyond.js').then(({ tickMatching }) => tickMatching(button, rows));
  });
  const free = () => document.activeElement === document.body && !document.querySelector('dialog[open]');
  const repainted = (focus) => {
    refused.paint();
    rows.restore({ focus });
  };
  let hadFocus = false;
  list.addEventListener('htmx:beforeSwap', () => { hadFocus = list.contains(document.activeElement) || free(); });
  list.addEventListener('htmx:afterSettle', () => repainted(hadFocus && !document.querySelector('dialog[open]')));
  list.addEventListener('repainted', ({ detail }) => repainted(detail?.focus ?? free()));
  rows.restore({ focus: false });
}

document.querySelectorAll('[data-inbox]').forEach(start);
