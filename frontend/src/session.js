// A page that outlives its session: asks for the password over the page, and notices when somebody else has signed in meanwhile.
import { openDialog } from './dialogs.js';
import { words } from './words.js';

const meta = (name) => document.querySelector(`meta[name="${name}"]`);

/** Person and identity the page was painted for. */
export const paintedFor = () => meta('painted-for')?.content ?? '';

let asking = null;

function made(tag, properties, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

function renew({ csrf }) {
  meta('csrf-token').content = csrf;
  document.querySelectorAll('input[name="csrf_token"]').forEach((input) => { input.value = csrf; });
}

async function prove(password) {
  const init = { method: 'POST', credentials: 'same-origin', headers: { 'Content-Type': 'application/json', Accept: 'application/json' } };
  const answer = await fetch('/login/again', { ...init, body: JSON.stringify({ key: meta('painted-key')?.content ?? '', password }) });
  return answer.json();
}

function dialogFor(resolve) {
  const field = made('input', { className: 'form-control', type: 'password', name: 'password', id: 'session-password', autocomplete: 'current-password', required: true });
  const problem = made('p', { className: 'field-error', hidden: true });
  problem.setAttribute('role', 'alert');
  const submit = made('button', { className: 'btn btn-primary', textContent: words('继续') });
  const login = made('a', { className: 'btn', href: meta('login-url')?.content ?? '/login', textContent: words('换人登录') });
  const form = made('form', { className: 'dialog-body' },
    made('h2', { className: 'dialog-title', id: 'session-title', textContent: words('登录已过期') }),
    made('p', { className: 'dialog-text', textContent: words('页面上的内容还在。请输入您的密码，接着刚才的操作。') }),
    made('label', { className: 'form-label', htmlFor: 'session-password', textContent: words('密码') }), field, problem,
    made('div', { className: 'dialog-actions' }, login, submit));
  const dialog = made('dialog', { className: 'dialog', id: 'session-dialog' }, form);
  dialog.setAttribute('aria-labelledby', 'session-title');
  let proved = false;
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    event.stopPropagation();
    submit.disabled = true;
    try {
      const answer = await prove(field.value);
      if (answer.ok) {
        renew(answer);
        proved = true;
        dialog.close();
        return;
      }
      problem.textContent = answer.message;
    } catch {
      problem.textContent = words('连接不上服务器，请检查网络后再试。');
    } finally {
      submit.disabled = false;
    }
    problem.hidden = false;
    field.select();
  });
  dialog.addEventListener('close', () => {
    dialog.remove();
    resolve(proved);
  });
  return dialog;
}

/** Asks for the password of the person the page was painted for; answers whether he is in again. One question at a time. */
export function signInAgain() {
  if (!meta('painted-key')) {
    location.assign(meta('login-url')?.content ?? '/login');
    return Promise.resolve(false);
  }
  asking ??= new Promise((resolve) => {
    const under = [...document.querySelectorAll('dialog[open]')].at(-1);
    const dialog = dialogFor(resolve);
    (under ?? document.body).append(dialog);
    openDialog(dialog);
  }).finally(() => { asking = null; });
  return asking;
}

/** Compares who answered with whom the page was painted for; another one: nothing of this page may be sent as his. */
export function mindPerson(person) {
  if (!person || !paintedFor() || person === paintedFor() || document.getElementById('other-person')) return;
  const reload = made('button', { className: 'btn btn-primary', type: 'button', textContent: words('重新载入') });
  reload.addEventListener('click', () => location.reload());
  const dialog = made('dialog', { className: 'dialog', id: 'other-person' }, made('div', { className: 'dialog-body' },
    made('h2', { className: 'dialog-title', id: 'other-person-title', textContent: words('登录身份已改变') }),
    made('p', { className: 'dialog-text', textContent: words('这个页面是以另一个身份打开的，不能再从这里办理。请重新载入页面。') }),
    made('div', { className: 'dialog-actions' }, reload)));
  dialog.setAttribute('aria-labelledby', 'other-person-title');
  dialog.addEventListener('cancel', (event) => event.preventDefault());
  document.body.append(dialog);
  openDialog(dialog);
}
