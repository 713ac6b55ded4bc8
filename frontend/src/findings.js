// The list of what the server's linter found; a click shows the place.
import { words } from './words.js';

const order = { error: 0, warning: 1, info: 2 };
const labels = { error: '错误', warning: '提醒', info: '说明' };
const kinds = { error: 'red', warning: 'yellow', info: 'blue' };

export const labelOf = (severity) => words(labels[severity] ?? labels.info);

/** Findings of an answer in either form: a list, or {"findings": list}; the gravest first. */
export function findingsOf(body) {
  const list = Array.isArray(body) ? body : body?.findings ?? [];
  return [...list].sort((first, second) => (order[first.severity] ?? 3) - (order[second.severity] ?? 3));
}

function row(finding, show) {
  const item = document.createElement('li');
  item.className = `finding finding-${finding.severity}`;
  const button = Object.assign(document.createElement('button'), { type: 'button', className: 'finding-button' });
  const badge = Object.assign(document.createElement('span'), { className: `pill pill-${kinds[finding.severity] ?? 'blue'}`, textContent: labelOf(finding.severity) });
  const place = Object.assign(document.createElement('b'), { textContent: finding.name || finding.element_id || '' });
  const line = Object.assign(document.createElement('small'), { className: 'muted num', textContent: finding.line ? words('第 {line} 行', { line: finding.line }) : '' });
  const reason = Object.assign(document.createElement('span'), { className: 'finding-reason', textContent: finding.reason });
  const advice = Object.assign(document.createElement('span'), { className: 'finding-advice', textContent: finding.advice ?? '' });
  button.append(badge, place, line, reason, advice);
  button.addEventListener('click', () => show(finding));
  item.append(button);
  return item;
}

/** Paints the list and its count; show(finding) is called for a clicked one. */
export function paintFindings(root, findings, show) {
  root.querySelector('[data-findings]').replaceChildren(...findings.map((finding) => row(finding, show)));
  const count = (severity) => findings.filter((finding) => finding.severity === severity).length;
  const text = findings.length
    ? words('{errors} 个错误，{warnings} 个提醒', { errors: count('error'), warnings: count('warning') })
    : words('没有发现问题');
  sayCount(root, text);
}

export function sayCount(root, text) {
  root.querySelector('[data-findings-count]').textContent = text;
}
