// Requests of our own scripts: CSRF header, plain words for every refusal, events of the HX-Trigger header.
import { mindPerson, paintedFor, signInAgain } from './session.js';
import { words } from './words.js';

const generalWords = {
  0: '连接不上服务器，请检查网络后再试。',
  403: '您没有权限做这件事。',
  404: '这一项已不存在，列表可能已过时，请刷新。',
  409: '已有人先处理了这一项，请刷新后再看。',
  413: '文件太大。',
  429: '操作太频繁，请稍后再试。',
};

/** The server said no: status (0 = not reached), message for the person, body as parsed JSON or null. */
export class Refusal extends Error {
  constructor(status, message, body = null) {
    super(message);
    this.status = status;
    this.body = body;
  }
}

export const csrfToken = () => document.querySelector('meta[name="csrf-token"]')?.content ?? '';

/** Words for a refused answer: its own JSON message or short plain text, else a general sentence. */
export function refusalWords(status, contentType, text) {
  if (contentType.includes('json')) {
    const message = parse(text)?.message;
    if (message) return message;
  }
  if (contentType.startsWith('text/plain') && text && text.length <= 400) return text;
  if (generalWords[status]) return words(generalWords[status]);
  if (status >= 500) return words('服务器出错了，刚才的操作没有完成。请稍后再试；仍不行请联系管理员。');
  return words('请求没有被接受（{status}）。', { status });
}

function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** Fires the events named in an HX-Trigger header, as htmx does for its own requests. */
function fireTriggers(header) {
  const events = header && parse(header);
  for (const [name, detail] of Object.entries(events ?? {})) {
    document.body.dispatchEvent(new CustomEvent(name, { detail, bubbles: true }));
  }
}

/** What every request of ours says of the page: its token, and for whom it was painted. */
export const pageHeaders = () => ({ 'X-CSRFToken': csrfToken(), 'X-Painted-For': paintedFor() });

async function request(url, init, { again = true, quiet = false } = {}) {
  let response;
  try {
    response = await fetch(url, { credentials: 'same-origin', ...init, headers: { ...pageHeaders(), ...init.headers } });
  } catch {
    throw new Refusal(0, refusalWords(0, '', ''));
  }
  mindPerson(response.headers.get('X-Person'));
  if (response.status === 401 && again && await signInAgain()) {
    if (init.body instanceof FormData && init.body.has('csrf_token')) init.body.set('csrf_token', csrfToken());
    return request(url, init, { again: false, quiet });
  }
  const text = response.status === 304 ? '' : await response.text();
  const type = response.headers.get('Content-Type') ?? '';
  if (response.ok || !quiet) fireTriggers(response.headers.get('HX-Trigger'));
  if (response.ok || response.status === 304) return { status: response.status, headers: response.headers, body: type.includes('json') ? parse(text) : text };
  throw new Refusal(response.status, refusalWords(response.status, type, text), parse(text));
}

export const get = (url, headers = {}) => request(url, { headers: { Accept: '*/*', ...headers } });

/** A form as htmx would send it; a refusal is the caller's to show. */
export const postForm = (url, body) =>
  request(url, { method: 'POST', body, keepalive: true, headers: { 'HX-Request': 'true', 'HX-Current-URL': location.href, 'HX-Target': 'inbox-list' } }, { quiet: true });

/** `poll`: the page asks by itself; nobody need be at the desk, and nobody is asked for his password because of it. */
export const postJson = (url, data, { keepalive = false, poll = false } = {}) =>
  request(url, {
    method: 'POST', keepalive, body: JSON.stringify(data), headers: { 'Content-Type': 'application/json', Accept: 'application/json', ...(poll ? { 'X-Poll': '1' } : {}) },
  }, { again: !poll && !keepalive });

export const postXml = (url, xml) =>
  request(url, { method: 'POST', body: xml, headers: { 'Content-Type': 'application/xml', Accept: 'application/json' } });

/** Parsed content of a <script type="application/json">, or the fallback when there is none. */
export function jsonScript(selector, fallback, within = document) {
  const element = within.querySelector(selector);
  return element ? JSON.parse(element.textContent) : fallback;
}
