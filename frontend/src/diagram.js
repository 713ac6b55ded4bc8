// Shows a case's diagram: where the tokens are, what is done, badges; also as a list in words for readers and print.
import NavigatedViewer from 'bpmn-js/lib/NavigatedViewer';
import 'bpmn-js/dist/assets/diagram-js.css';
import 'bpmn-js/dist/assets/bpmn-js.css';
import 'bpmn-js/dist/assets/bpmn-font/css/bpmn.css';
import './styles/diagram.css';
import { get, jsonScript } from './http.js';
import { words } from './words.js';

/** Writes the given names into the drawing; a person who reads another language than the model's sees his own. */
function rename(viewer, names = {}) {
  const registry = viewer.get('elementRegistry');
  const factory = viewer.get('graphicsFactory');
  registry.forEach((element) => {
    const object = element.businessObject;
    const name = names[object?.id];
    if (!name || !object.name) return;
    object.name = name;
    const drawn = element.waypoints ? 'connection' : 'shape';
    if (element.parent) factory.update(drawn, element, registry.getGraphics(element));
  });
}

const stateWords = { failed: '出错', active: '正在办理', done: '已完成' };

function markElements(canvas, registry, state) {
  for (const kind of ['done', 'active', 'failed']) {
    for (const id of state[kind] ?? []) if (registry.get(id)) canvas.addMarker(id, `is-${kind}`);
  }
  for (const id of state.flows ?? []) if (registry.get(id)) canvas.addMarker(id, 'is-taken');
}

function addBadges(overlays, registry, badges) {
  for (const { element, text, kind = 'blue', title = '' } of badges ?? []) {
    if (!registry.get(element)) continue;
    const badge = document.createElement('span');
    badge.className = `diagram-badge pill pill-${kind}`;
    badge.textContent = text;
    badge.title = title;
    overlays.add(element, { position: { top: -12, right: 14 }, html: badge });
  }
}

/** Fits the whole diagram, but never larger than life. */
function fit(canvas) {
  const { inner, outer } = canvas.viewbox();
  const margin = 24;
  const scale = Math.min(1.2, (outer.width - 2 * margin) / inner.width, (outer.height - 2 * margin) / inner.height);
  canvas.viewbox({
    x: inner.x - (outer.width / scale - inner.width) / 2,
    y: inner.y - (outer.height / scale - inner.height) / 2,
    width: outer.width / scale,
    height: outer.height / scale,
  });
}

const legible = 0.55;

/** Where one looks first: the whole when it can be read, else the step where the token is, at a legible size. */
function open(canvas, registry, state) {
  fit(canvas);
  const here = registry.get((state.failed?.[0] ?? state.active?.[0]) || state.done?.at(-1));
  if (canvas.viewbox().scale >= legible || !here) return;
  const { outer } = canvas.viewbox();
  const scale = 0.75;
  const [width, height] = [outer.width / scale, outer.height / scale];
  canvas.viewbox({ x: here.x + here.width / 2 - width / 2, y: here.y + here.height / 2 - height / 2, width, height });
}

/** Buttons in the top corner; the bottom-right one belongs to the mark. */
function addTools(element, canvas, home) {
  const tools = Object.assign(document.createElement('div'), { className: 'diagram-tools no-print' });
  const actions = [['全图', () => fit(canvas)], ['办理位置', home], ['＋', () => canvas.zoom(canvas.zoom() * 1.25)], ['－', () => canvas.zoom(canvas.zoom() / 1.25)]];
  const labels = { '＋': '放大', '－': '缩小' };
  for (const [text, action] of actions) {
    const button = Object.assign(document.createElement('button'), { type: 'button', className: 'btn btn-sm', textContent: words(text) });
    button.setAttribute('aria-label', words(labels[text] ?? text));
    button.addEventListener('click', action);
    tools.append(button);
  }
  element.append(tools);
}

function onKey(event, canvas) {
  const steps = { ArrowLeft: [40, 0], ArrowRight: [-40, 0], ArrowUp: [0, 40], ArrowDown: [0, -40] };
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (steps[event.key]) canvas.scroll({ dx: steps[event.key][0], dy: steps[event.key][1] });
  else if (event.key === '+' || event.key === '=') canvas.zoom(canvas.zoom() * 1.2, 'auto');
  else if (event.key === '-') canvas.zoom(canvas.zoom() / 1.2, 'auto');
  else if (event.key === '0') fit(canvas);
  else return;
  event.preventDefault();
}

const isTask = ({ businessObject: { $type } }) => /UserTask$|ManualTask$|SubProcess$|CallActivity$/.test($type);
const isStep = ({ businessObject: { $type } }) => /Task$|SubProcess$|CallActivity$|Event$/.test($type);

function stateOf(id, state) {
  return ['failed', 'active', 'done'].find((kind) => state[kind]?.includes(id));
}

/** The same as a list: what people do, and all that was reached, with its state; a step is shown on the canvas when chosen. */
function writeText(list, viewer, state, choose) {
  const steps = viewer.get('elementRegistry').filter((element) => element.type !== 'label' && element.businessObject.name && (isTask(element) || (isStep(element) && stateOf(element.id, state))))
    .sort((first, second) => first.x - second.x || first.y - second.y);
  for (const { id, businessObject: { name } } of steps) {
    const item = document.createElement('li');
    const button = Object.assign(document.createElement('button'), { type: 'button', className: 'link-button', textContent: state.names?.[id] ?? name });
    button.addEventListener('click', () => choose(id));
    const kind = stateOf(id, state);
    item.className = kind ? `is-${kind}` : '';
    item.append(button, ` · ${words(kind ? stateWords[kind] : '未到')}`);
    list.append(item);
  }
}

async function xmlOf(element) {
  const embedded = jsonScript('[data-diagram-xml]', null, element);
  return embedded ?? (await get(element.dataset.url)).body;
}

async function start(element) {
  const state = jsonScript('[data-diagram-state]', {}, element);
  const xml = await xmlOf(element);
  const viewer = new NavigatedViewer({ container: element, keyboard: { bind: false } });
  await viewer.importXML(xml);
  if (document.documentElement.lang === 'en') rename(viewer, state.names);
  const canvas = viewer.get('canvas');
  const registry = viewer.get('elementRegistry');
  markElements(canvas, registry, state);
  addBadges(viewer.get('overlays'), registry, state.badges);
  const home = () => open(canvas, registry, state);
  home();
  addTools(element, canvas, home);
  element.querySelector('svg[tabindex]')?.setAttribute('tabindex', '-1');
  element.title = words('流程图。方向键移动，加号减号缩放，0 显示全图。');
  element.addEventListener('keydown', (event) => onKey(event, canvas));
  const choose = (id) => {
    viewer.get('selection')?.select(registry.get(id));
    canvas.scrollToElement(id);
    registry.forEach((other) => canvas.removeMarker(other, 'is-chosen'));
    canvas.addMarker(id, 'is-chosen');
  };
  viewer.on('element.click', ({ element: { id, businessObject } }) => {
    if (!isStep({ businessObject })) return;
    element.dispatchEvent(new CustomEvent('diagram:select', { bubbles: true, detail: { id, name: businessObject.name } }));
    if (state.links?.[id]) location.assign(state.links[id]);
  });
  const list = element.parentElement.querySelector('[data-diagram-text]');
  if (list) writeText(list, viewer, state, choose);
  new ResizeObserver(() => { if (element.offsetWidth) { canvas.resized(); home(); } }).observe(element);
  element.dataset.ready = '1';
}

function startAll() {
  document.querySelectorAll('[data-diagram]:not([data-started])').forEach((element) => {
    element.dataset.started = '1';
    start(element).catch((failure) => { element.append(words('流程图打不开：{reason}', { reason: failure.message })); });
  });
}

startAll();
document.addEventListener('htmx:afterSettle', startAll);
