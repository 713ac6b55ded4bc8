// Files: one upload with its progress, and the list of an opinion's files – chosen, dropped or pasted, removed in place.
import { csrfToken, postJson, Refusal, refusalWords } from './http.js';
import { toast } from './toast.js';
import { words } from './words.js';

const patience = 1000; // milliseconds before a progress bar is worth showing

/** Sends one file as the request's body; onProgress gets 0…1 once it takes over a second. Resolves to {file, html}. */
export function upload(url, file, onProgress = () => {}) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const started = performance.now();
    const place = new URL(url, location.href);
    place.searchParams.set('name', file.name || `${words('图片')}.png`);
    request.open('POST', place);
    request.setRequestHeader('X-CSRFToken', csrfToken());
    request.setRequestHeader('Accept', 'application/json');
    request.setRequestHeader('Content-Type', 'application/octet-stream');
    request.upload.addEventListener('progress', ({ loaded, total }) => { if (performance.now() - started > patience) onProgress(loaded / (total || 1)); });
    request.addEventListener('load', () => {
      const type = request.getResponseHeader('Content-Type') ?? '';
      if (request.status === 200) return resolve(JSON.parse(request.responseText));
      if (request.status === 401) document.body.dispatchEvent(new CustomEvent('session-expired'));
      return reject(new Refusal(request.status, refusalWords(request.status, type, request.responseText)));
    });
    request.addEventListener('error', () => reject(new Refusal(0, refusalWords(0, '', ''))));
    request.send(file);
  });
}

/** Why a file is not worth sending, in words, or null. */
export function tooLarge(file, most) {
  return file.size > most ? words('“{name}”超过 {size} MB', { name: file.name, size: Math.round(most / 1048576) }) : null;
}

function bar(place, name) {
  const box = document.createElement('div');
  box.className = 'file-progress';
  const progress = Object.assign(document.createElement('progress'), { max: 1, value: 0 });
  progress.setAttribute('aria-label', words('正在上传“{name}”', { name }));
  box.append(words('正在上传“{name}”', { name }), progress);
  return (share) => {
    if (!box.isConnected) place.append(box);
    progress.value = share;
    if (share === null) box.remove();
  };
}

async function add(root, files) {
  const list = root.querySelector('[data-files]');
  const place = root.querySelector('[data-file-progress]');
  for (const file of files) {
    const refused = tooLarge(file, Number(root.dataset.most));
    if (refused) {
      toast(refused, 'warning');
      continue;
    }
    const show = bar(place, file.name);
    try {
      const { html } = await upload(root.dataset.attach, file, show);
      list.insertAdjacentHTML('beforeend', html);
    } catch (refusal) {
      if (refusal.status === undefined) throw refusal;
      toast(refusal.message, 'danger');
    }
    show(null);
  }
}

async function remove(form) {
  try {
    await postJson(form.action, {});
    const root = form.closest('.files');
    form.closest('.file').remove();
    root.querySelector('input[type=file]')?.focus();
  } catch (refusal) {
    if (refusal.status === undefined) throw refusal;
    toast(refusal.message, 'danger');
  }
}

export function startFiles() {
  document.addEventListener('submit', (event) => {
    const form = event.target.closest('.files .file form');
    if (!form) return;
    event.preventDefault(); // the question of data-confirm was answered before
    remove(form);
  });
  document.querySelectorAll('[data-attach]').forEach((root) => {
    const input = root.querySelector('input[type=file]');
    const zone = root.querySelector('.file-drop');
    input.addEventListener('change', () => add(root, [...input.files]).finally(() => { input.value = ''; }));
    for (const kind of ['dragover', 'dragleave', 'drop']) {
      zone.addEventListener(kind, (event) => {
        event.preventDefault();
        zone.classList.toggle('is-over', kind === 'dragover');
        if (kind === 'drop') add(root, [...event.dataTransfer.files]);
      });
    }
    document.addEventListener('paste', (event) => {
      const files = [...(event.clipboardData?.files ?? [])];
      if (!files.length || event.target.closest?.('.file-field')) return;
      event.preventDefault();
      add(root, files);
    });
  });
}
