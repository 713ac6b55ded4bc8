// Two form-js fields of our own: files that are sent at once and named by number, and the opinion with its ready phrases.
import { Description, Errors, Label, Textarea } from '@bpmn-io/form-js-viewer';
import { h } from 'preact';
import { useState } from 'preact/hooks';
import { tooLarge, upload } from './files.js';
import { postJson } from './http.js';
import { toast } from './toast.js';
import { words } from './words.js';

const say = (refusal) => {
  if (refusal.status === undefined) throw refusal;
  toast(refusal.message, 'danger');
};

/** "members[].cv" of a field instance, as the server names a field. */
function keyOf({ fieldInstance, field }) {
  if (!fieldInstance) return field.key;
  return fieldInstance.valuePath.map((part, index) => (typeof part === 'number' ? '[]' : `${index ? '.' : ''}${part}`)).join('');
}

function FileRow({ file, locked, onRemove }) {
  const kind = file.name.split('.').pop().toUpperCase();
  const thumb = file.image && file.size <= 2097152 ? h('img', { src: file.url, alt: '', loading: 'lazy' }) : kind;
  const link = file.shown ? { href: file.url, target: '_blank', rel: 'noopener' } : { href: file.url, download: '' };
  return h('li', { class: 'file' }, [
    h('span', { class: 'file-thumb', 'aria-hidden': 'true' }, thumb),
    h('span', { class: 'file-text' }, [h('a', link, file.name), h('small', { class: 'muted' }, `${Math.max(1, Math.round(file.size / 1024))} KB`)]),
    locked ? null : h('button', { type: 'button', class: 'btn btn-sm btn-ghost-secondary', 'aria-label': words('移除“{name}”', { name: file.name }), onClick: onRemove }, words('移除')),
  ]);
}

function filesField(options) {
  const known = new Map((options.files ?? []).map((file) => [file.reference, file]));

  function Files(props) {
    const { field, value, onChange, errors = [], disabled, readonly, domId } = props;
    const [share, setShare] = useState(null);
    const [over, setOver] = useState(false);
    const { label, validate = {}, description } = field;
    const chosen = [value ?? []].flat();
    const locked = disabled || readonly;
    const set = (references) => onChange({ field, value: references.length ? references : null });

    async function add(files) {
      let references = chosen;
      for (const file of field.multiple === false ? files.slice(0, 1) : files) {
        const refused = tooLarge(file, options.most);
        if (refused) {
          toast(refused, 'warning');
          continue;
        }
        try {
          const { file: sent } = await upload(`${options.attach_url}?field=${encodeURIComponent(keyOf(props))}`, file, setShare);
          known.set(sent.reference, sent);
          references = field.multiple === false ? [sent.reference] : [...references, sent.reference];
          set(references);
        } catch (refusal) {
          say(refusal);
        }
        setShare(null);
      }
    }

    async function remove(reference) {
      const file = known.get(reference);
      if (file?.removable) await postJson(file.remove_url, {}).catch(say);
      set(chosen.filter((one) => one !== reference));
    }

    const take = (files, event) => {
      if (!files?.length || locked) return;
      event.preventDefault();
      add([...files]);
    };
    const rows = chosen.map((reference) => h(FileRow, {
      key: reference, locked, file: known.get(reference) ?? { name: words('附件'), url: `/attachments/${reference.slice(7)}`, size: 0 }, onRemove: () => remove(reference),
    }));
    return h('div', { class: `fjs-form-field fjs-form-field-filepicker file-field${errors.length ? ' fjs-has-errors' : ''}`, onPaste: (event) => take(event.clipboardData?.files, event) }, [
      h(Label, { htmlFor: domId, label, required: validate.required }),
      h('ul', { class: 'file-list' }, rows),
      locked ? (rows.length ? null : h('p', { class: 'muted mb-0' }, words('没有附件'))) : h('label', {
        class: `file-drop${over ? ' is-over' : ''}`,
        onDragOver: (event) => { event.preventDefault(); setOver(true); },
        onDragLeave: () => setOver(false),
        onDrop: (event) => { setOver(false); take(event.dataTransfer.files, event); },
      }, [
        h('input', {
          id: domId, type: 'file', class: 'hidden-visually', multiple: field.multiple !== false, accept: field.accept || options.accept, 'aria-describedby': `${domId}-error-message`,
          onChange: ({ target }) => { add([...target.files]).finally(() => { target.value = ''; }); },
        }),
        h('span', null, words('选择、拖入或粘贴文件')),
      ]),
      share === null ? null : h('progress', { max: 1, value: share, 'aria-label': words('正在上传') }),
      h(Description, { description }),
      h(Errors, { id: `${domId}-error-message`, errors }),
    ]);
  }
  Files.config = { type: 'filepicker', keyed: true, label: 'File picker', group: 'basic-input', emptyValue: null, create: (given = {}) => ({ ...given }) };
  return Files;
}

function opinionField(options) {
  function Phrases({ value, insert }) {
    const [phrases, setPhrases] = useState(options.phrases ?? []);
    const send = (url, text) => postJson(url, { text }).then(({ body }) => setPhrases(body.phrases), say);
    const own = (value ?? '').trim();
    return h('div', { class: 'phrases', role: 'group', 'aria-label': words('常用意见') }, [
      ...phrases.map((text) => h('span', { class: 'phrase', key: text }, [
        h('button', { type: 'button', class: 'phrase-use', onClick: () => { insert(text); send(options.phrases_url, text); } }, text),
        h('button', { type: 'button', class: 'phrase-drop', 'aria-label': words('移除常用意见“{text}”', { text }), onClick: () => send(`${options.phrases_url}/forget`, text) }, '×'),
      ])),
      own && !phrases.includes(own) ? h('button', { type: 'button', class: 'btn btn-sm btn-ghost-secondary', onClick: () => send(options.phrases_url, own) }, words('存为常用意见')) : null,
    ]);
  }

  function Opinion(props) {
    const { field, value, onChange, readonly, disabled, domId } = props;
    if (field.key !== options.opinion || readonly || disabled) return h(Textarea, props);
    const insert = (text) => {
      onChange({ field, value: value ? `${value}${/[\s，。；！？]$/.test(value) ? '' : '，'}${text}` : text });
      document.getElementById(domId)?.focus();
    };
    return h('div', { class: 'opinion-field' }, [h(Phrases, { value, insert }), h(Textarea, props)]);
  }
  Opinion.config = Textarea.config;
  return Opinion;
}

/** A form-js module with both fields; `options` is what the page gives the form entry. */
export function ownFields(options) {
  class OwnFields {
    constructor(formFields) {
      formFields.register('filepicker', filesField(options));
      if (options.opinion) formFields.register('textarea', opinionField(options));
    }
  }
  OwnFields.$inject = ['formFields'];
  return { __init__: ['ownFields'], ownFields: ['type', OwnFields] };
}
