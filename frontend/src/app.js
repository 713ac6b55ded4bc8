// Every page: htmx under the strict policy, CSRF header, messages from response headers, dialogs, menus, small conveniences.
import htmx from 'htmx.org';
import './styles/app.css';
import { ask, openDialog, startDialogs } from './dialogs.js';
import { csrfToken, refusalWords } from './http.js';
import { startOperations } from './operations.js';
import { pollOnce, startPolling } from './poll.js';
import { showKeptToast, toast } from './toast.js';
import { offerUndo } from './undo.js';
import { words } from './words.js';

Object.assign(htmx.config, {
  allowEval: false,
  includeIndicatorStyles: false,
  selfRequestsOnly: true,
  historyCacheSize: 0,
  refreshOnHistoryMiss: true,
  scrollIntoViewOnBoost: false,
  responseHandling: [
    { code: '20[0-3]', swap: true },
    { code: '[23]..', swap: false },
    { code: '422', swap: true, error: false },
    { code: '...', swap: false, error: true },
  ],
});

const { body } = document;

body.addEventListener('htmx:configRequest', (event) => { event.detail.headers['X-CSRFToken'] = csrfToken(); });

/** A progress bar whose command is gone must not ask for it every second. */
function stopAsking(element) {
  if (!element.matches('.progress-box[hx-get]')) return;
  const still = element.cloneNode(true);
  still.removeAttribute('hx-get');
  element.replaceWith(still);
}

body.addEventListener('htmx:responseError', ({ detail: { xhr, elt } }) => {
  stopAsking(elt);
  if (xhr.status === 401) return sessionExpired();
  if ((xhr.getResponseHeader('HX-Trigger') ?? '').includes('"toast"')) return undefined;
  return toast(refusalWords(xhr.status, xhr.getResponseHeader('Content-Type') ?? '', xhr.responseText), 'danger');
});
body.addEventListener('htmx:sendError', () => toast(refusalWords(0, '', ''), 'danger'));

body.addEventListener('toast', ({ detail }) => toast(detail.text, detail.kind));
body.addEventListener('undo', ({ detail }) => offerUndo(detail));
body.addEventListener('progress', ({ detail }) => {
  const area = document.getElementById('progress-area');
  if (area) htmx.ajax('GET', detail.url, { target: area, swap: 'innerHTML' });
});
body.addEventListener('refresh', ({ detail }) => {
  const element = detail.target && document.querySelector(detail.target);
  if (element?.dataset.poll) pollOnce(element);
});
body.addEventListener('session-expired', () => sessionExpired());

function sessionExpired() {
  if (document.getElementById('session-dialog')) return;
  const login = document.querySelector('meta[name="login-url"]')?.content ?? '/login';
  const dialog = document.createElement('dialog');
  dialog.id = 'session-dialog';
  dialog.className = 'dialog';
  const title = Object.assign(document.createElement('h2'), { className: 'dialog-title', textContent: words('登录已过期') });
  const text = Object.assign(document.createElement('p'), { className: 'dialog-text', textContent: words('页面上填写的内容还在。请在新窗口重新登录，再回来继续。') });
  const link = Object.assign(document.createElement('a'), { className: 'btn btn-primary', href: login, target: '_blank', rel: 'noopener', textContent: words('去登录') });
  const close = Object.assign(document.createElement('button'), { className: 'btn', type: 'button', textContent: words('已登录，继续') });
  close.addEventListener('click', () => renewToken().finally(() => dialog.close()));
  dialog.addEventListener('close', () => dialog.remove());
  const actions = Object.assign(document.createElement('div'), { className: 'dialog-actions' });
  actions.append(close, link);
  const inner = Object.assign(document.createElement('div'), { className: 'dialog-body' });
  inner.append(title, text, actions);
  dialog.append(inner);
  body.append(dialog);
  openDialog(dialog);
}

/** After a new login the token of the old session is void: takes the new one from a fresh copy of this page. */
async function renewToken() {
  const page = new DOMParser().parseFromString(await (await fetch(location.href)).text(), 'text/html');
  const token = page.querySelector('meta[name="csrf-token"]')?.content;
  if (!token) return;
  document.querySelector('meta[name="csrf-token"]').content = token;
  document.querySelectorAll('input[name="csrf_token"]').forEach((input) => { input.value = token; });
}

function autosubmit() {
  let timer;
  const send = (event, wait) => {
    const form = event.target.closest('form[data-autosubmit]');
    if (!form || event.isComposing) return;
    clearTimeout(timer);
    timer = setTimeout(() => form.requestSubmit(), wait);
  };
  document.addEventListener('change', (event) => { if (!event.target.matches('input[type=search], input[type=text]')) send(event, 0); });
  document.addEventListener('input', (event) => { if (event.target.matches('input[type=search], input[type=text]')) send(event, 300); });
}

function busyButtons() {
  const idle = new Map();
  document.addEventListener('submit', ({ submitter, target, defaultPrevented }) => {
    const label = submitter?.dataset.busyLabel;
    if (!label || (defaultPrevented && !target.matches('[hx-post], [hx-get]'))) return;
    setTimeout(() => {
      idle.set(submitter, [...submitter.childNodes]);
      submitter.replaceChildren(label);
      submitter.disabled = true;
    });
  });
  const restore = () => {
    idle.forEach((nodes, button) => {
      button.replaceChildren(...nodes);
      button.disabled = false;
    });
    idle.clear();
  };
  body.addEventListener('htmx:afterRequest', restore);
  window.addEventListener('pageshow', restore);
}

function menus() {
  document.addEventListener('click', ({ target }) => {
    for (const menu of document.querySelectorAll('details[data-menu][open]')) if (!menu.contains(target) || target.closest('.menu-item')) menu.open = false;
  });
  document.addEventListener('keydown', (event) => {
    if (event.key !== 'Escape') return;
    const menu = document.querySelector('details[data-menu][open]');
    if (menu) {
      menu.open = false;
      menu.querySelector('summary').focus();
    }
    setDrawer(false);
  });
}

function setDrawer(open) {
  body.classList.toggle('drawer-open', open);
  document.querySelectorAll('[data-drawer]').forEach((button) => button.setAttribute('aria-expanded', String(open)));
}

function clicks() {
  document.addEventListener('click', async ({ target }) => {
    const button = target.closest('[data-copy], [data-print], [data-drawer], [data-drawer-close]');
    if (!button) return;
    if (button.matches('[data-print]')) window.print();
    if (button.matches('[data-drawer]')) setDrawer(!body.classList.contains('drawer-open'));
    if (button.matches('[data-drawer-close]')) setDrawer(false);
    if (button.matches('[data-copy]')) {
      await navigator.clipboard.writeText(button.dataset.copy).then(
        () => toast(words('已复制'), 'success'),
        () => toast(words('无法复制，请手动选择文字'), 'warning'),
      );
    }
  });
}

function fileInputs() {
  document.addEventListener('change', ({ target }) => {
    if (!target.matches('input[type=file][data-file-label]')) return;
    const place = target.closest('.drop')?.querySelector('span');
    const [file] = target.files;
    if (!place) return;
    place.dataset.empty ??= place.textContent;
    place.textContent = file ? `${file.name} · ${(file.size / 1024).toFixed(0)} KB` : place.dataset.empty;
  });
  for (const kind of ['dragover', 'dragleave', 'drop']) {
    document.addEventListener(kind, (event) => {
      const zone = event.target.closest?.('.drop');
      if (!zone) return;
      event.preventDefault();
      zone.classList.toggle('is-over', kind === 'dragover');
      if (kind !== 'drop') return;
      const input = zone.querySelector('input[type=file]');
      input.files = event.dataTransfer.files;
      input.dispatchEvent(new Event('change', { bubbles: true }));
    });
  }
}

startDialogs();
startOperations();
startPolling();
autosubmit();
busyButtons();
menus();
clicks();
fileInputs();
showKeptToast();

export { ask, toast };
