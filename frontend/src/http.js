// Requests of our own scripts: CSRF header, plain words for every refusal, events of the HX-Trigger header.
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

async function request(url, init) {
  let response;
  try {
    response = await fetch(url, { credentials: 'same-origin', ...init, headers: { 'X-CSRFToken': csrfToken(), ...init.headers } });
  } catch {
    throw new Refusal(0, refusalWords(0, '', ''));
  }
  const text = await response.text();
  const type = response.headers.get('Content-Type') ?? '';
  fireTriggers(response.headers.get('HX-Trigger'));
  if (response.ok) return { status: response.status, body: type.includes('json') ? parse(text) : text };
  if (response.status === 401) document.body.dispatchEvent(new CustomEvent('session-expired'));
  throw new Refusal(response.status, refusalWords(response.status, type, text), parse(text));
}

export const get = (url) => request(url, { headers: { Accept: '*/*' } });

export const postJson = (url, data, { keepalive = false } = {}) =>
  request(url, { method: 'POST', keepalive, body: JSON.stringify(data), headers: { 'Content-Type': 'application/json', Accept: 'application/json' } });

export const postXml = (url, xml) =>
  request(url, { method: 'POST', body: xml, headers: { 'Content-Type': 'application/xml', Accept: 'application/json' } });

export const postFile = (url, file) => {
  const body = new FormData();
  body.append('file', file);
  return request(url, { method: 'POST', body, headers: { Accept: 'application/json' } });
};

/** Parsed content of a <script type="application/json">, or the fallback when there is none. */
export function jsonScript(selector, fallback, within = document) {
  const element = within.querySelector(selector);
  return element ? JSON.parse(element.textContent) : fallback;
}
