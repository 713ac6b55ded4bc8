// Keeps the draft of a form: sent after a pause, when the page is left, and again when the server was not reached.
import { postJson } from './http.js';
import { words } from './words.js';

const pause = 1500;

export class Draft {
  /** url: where to post; read: () => ({revision, data}); status: element that tells the person, or null. */
  constructor(url, read, status) {
    this.url = url;
    this.read = read;
    this.status = status;
    this.key = `banjie.draft:${url}`;
    this.dirty = false;
    this.timer = null;
    window.addEventListener('pagehide', () => this.leave());
    window.addEventListener('online', () => { if (this.dirty) this.send(); });
  }

  say(source, values) {
    if (this.status) this.status.textContent = words(source, values);
  }

  changed() {
    this.dirty = true;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.send(), pause);
  }

  /** The form was submitted: nothing more to keep. */
  stop() {
    clearTimeout(this.timer);
    this.dirty = false;
    sessionStorage.removeItem(this.key);
  }

  async send() {
    this.dirty = false;
    const draft = this.read();
    this.say('正在保存草稿…');
    try {
      const { body } = await postJson(this.url, draft);
      sessionStorage.removeItem(this.key);
      this.say('草稿已保存 {time}', { time: body?.saved_at ?? '' });
    } catch (refusal) {
      if (refusal.status && refusal.status !== 401) return this.say('草稿没有保存：{reason}', { reason: refusal.message });
      this.dirty = true;
      sessionStorage.setItem(this.key, JSON.stringify(draft));
      this.say('草稿暂存在本机，联网后自动保存');
    }
    return undefined;
  }

  leave() {
    if (!this.dirty) return;
    clearTimeout(this.timer);
    postJson(this.url, this.read(), { keepalive: true }).catch(() => {});
  }

  /** Data of a draft that never reached the server, or null. */
  unsent() {
    const stored = sessionStorage.getItem(this.key);
    return stored ? JSON.parse(stored).data : null;
  }
}
