// What the diagram editor and the table editor share: open, check, deploy, download, and guarding unsaved changes.
import { ask } from './dialogs.js';
import { findingsOf, paintFindings, sayCount } from './findings.js';
import { jsonScript, postXml } from './http.js';
import { toast, toastAfterwards } from './toast.js';
import { words } from './words.js';

const lintPause = 800;

export class EditorDesk {
  /**
   * root: the editor's element. editor: {open(xml), xml() → Promise<string>, undo(), redo(), fit(), show(finding), mark(findings)}.
   */
  constructor(root, editor) {
    this.root = root;
    this.editor = editor;
    this.dirty = false;
    this.lintTimer = null;
    this.lintNumber = 0;
    root.addEventListener('click', ({ target }) => this.act(target.closest('[data-act]')?.dataset.act));
    root.querySelector('input[data-act="open"]')?.addEventListener('change', ({ target }) => this.openFile(target));
    window.addEventListener('beforeunload', (event) => { if (this.dirty) event.preventDefault(); });
    document.addEventListener('keydown', (event) => {
      if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === 's') {
        event.preventDefault();
        this.deploy();
      }
    });
  }

  async start() {
    await this.open(jsonScript('[data-xml]', '', this.root));
    this.root.dataset.ready = '1';
  }

  async open(xml) {
    try {
      await this.editor.open(xml);
    } catch (failure) {
      toast(words('文件打不开：{reason}', { reason: failure.message }), 'danger');
      return false;
    }
    this.setDirty(false);
    await this.lint();
    return true;
  }

  setDirty(dirty) {
    this.dirty = dirty;
    this.root.querySelector('[data-changed]').textContent = dirty ? words('有未部署的改动') : '';
    this.root.classList.toggle('is-changed', dirty);
  }

  /** The editor says that something changed. */
  changed() {
    this.setDirty(true);
    clearTimeout(this.lintTimer);
    this.lintTimer = setTimeout(() => this.lint(), lintPause);
  }

  paint(findings) {
    this.editor.mark(findings);
    paintFindings(this.root, findings, (finding) => this.editor.show(finding));
  }

  async lint() {
    const { lintUrl } = this.root.dataset;
    if (!lintUrl) return;
    const number = ++this.lintNumber;
    sayCount(this.root, words('检查中…'));
    try {
      const { body } = await postXml(lintUrl, await this.editor.xml());
      if (number === this.lintNumber) this.paint(findingsOf(body));
    } catch (failure) {
      if (number === this.lintNumber) sayCount(this.root, words('检查没有通过：{reason}', { reason: failure.message }));
    }
  }

  async deploy() {
    const { deployUrl } = this.root.dataset;
    if (!deployUrl || 'readOnly' in this.root.dataset || document.querySelector('dialog[open]')) return;
    if (!(await ask(words('部署这一版？新的案件按它办理，办理中的案件仍按原来的版本。'), { title: words('部署'), label: words('部署') }))) return;
    const button = this.root.querySelector('[data-act="deploy"]');
    button.disabled = true;
    try {
      await this.sendDeployment(deployUrl);
    } catch (refusal) {
      if (refusal.status === undefined) throw refusal;
      const findings = findingsOf(refusal.body);
      if (refusal.status === 422 && findings.length) this.paint(findings);
      toast(refusal.status === 422 && !refusal.body?.message ? words('没有部署：请先改正列出的错误。') : refusal.message, 'danger');
    }
    button.disabled = false;
  }

  async sendDeployment(deployUrl) {
    const note = this.root.querySelector('[data-note]');
    const url = new URL(deployUrl, location.href);
    if (note?.value.trim()) url.searchParams.set('note', note.value.trim());
    const { body } = await postXml(url, await this.editor.xml());
    this.setDirty(false);
    if (note) note.value = '';
    const text = body?.message ?? words('已部署');
    if (body?.location) {
      toastAfterwards(text);
      location.assign(body.location);
      return;
    }
    if (body?.version) this.root.querySelector('.editor-version').textContent = body.version_label ?? `v${body.version}`;
    toast(text, 'success');
  }

  async download() {
    const link = document.createElement('a');
    link.href = URL.createObjectURL(new Blob([await this.editor.xml()], { type: 'application/xml' }));
    link.download = this.root.dataset.filename || 'diagram.xml';
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  }

  async openFile(input) {
    const [file] = input.files;
    if (!file) return;
    if (!this.dirty || (await ask(words('打开另一个文件会丢掉未部署的改动，继续？')))) {
      if (await this.open(await file.text())) this.setDirty(true);
    }
    input.value = '';
  }

  act(name) {
    const actions = { deploy: () => this.deploy(), download: () => this.download(), undo: () => this.editor.undo(), redo: () => this.editor.redo(), fit: () => this.editor.fit() };
    actions[name]?.();
  }
}
