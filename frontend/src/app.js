// Every page: htmx under the strict policy, CSRF header, messages from response headers, dialogs, menus, small conveniences.
import htmx from 'htmx.org';
import './styles/app.css';
import { ask, openDialog, startDialogs } from './dialogs.js';
import { csrfToken, pageHeaders, refusalWords } from './http.js';
import { startOperations } from './operations.js';
import { pollOnce, showCounts, startPolling } from './poll.js';
import { startPulse } from './pulse.js';
import { mindPerson, signInAgain } from './session.js';
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

body.addEventListener('htmx:configRequest', (event) => { Object.assign(event.detail.headers, pageHeaders()); });
body.addEventListener('htmx:beforeOnLoad', ({ detail: { xhr } }) => {
  mindPerson(xhr.getResponseHeader('X-Person'));
  showCounts(xhr.getResponseHeader('X-Counts'));
});

/** A progress bar whose command is gone must not ask for it every second. */
function stopAsking(element) {
  if (!element.matches('.progress-box[hx-get]')) return;
  const still = element.cloneNode(true);
  still.removeAttribute('hx-get');
  element.replaceWith(still);
}

body.addEventListener('htmx:responseError', async ({ detail: { xhr, elt, requestConfig } }) => {
  if (xhr.status === 401) return await signInAgain() ? repeat(requestConfig) : undefined;
  stopAsking(elt);
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

/** Sends a refused request of htmx once more, with the token of the new session. */
function repeat({ elt, target, verb, path, parameters, unfilteredParameters }) {
  const values = { ...(unfilteredParameters ?? parameters), csrf_token: csrfToken() };
  const swap = elt.getAttribute('hx-swap') ?? 'innerHTML';
  return htmx.ajax(verb.toUpperCase(), path, { source: elt.isConnected ? elt : document.body, target, swap, values });
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
startPulse();
autosubmit();
busyButtons();
menus();
clicks();
fileInputs();
showKeptToast();

export { ask, toast };
