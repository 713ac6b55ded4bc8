// The decision editor: requirements diagram, decision tables and literal expressions of one DMN file.
import Modeler from 'dmn-js/lib/Modeler';
import 'dmn-js/dist/assets/diagram-js.css';
import 'dmn-js/dist/assets/dmn-js-shared.css';
import 'dmn-js/dist/assets/dmn-js-drd.css';
import 'dmn-js/dist/assets/dmn-js-decision-table.css';
import 'dmn-js/dist/assets/dmn-js-decision-table-controls.css';
import 'dmn-js/dist/assets/dmn-js-literal-expression.css';
import 'dmn-js/dist/assets/dmn-js-boxed-expression.css';
import 'dmn-js/dist/assets/dmn-js-boxed-expression-controls.css';
import 'dmn-js/dist/assets/dmn-font/css/dmn.css';
import './styles/dmn.css';
import { EditorDesk } from './editor-desk.js';
import dictionary from './locales/dmn.zh.js';
import { translator } from './words.js';

/** The first decision table, else the first view: what people come for. */
function firstView(modeler) {
  const views = modeler.getViews();
  return views.find(({ type }) => type === 'decisionTable') ?? views.find(({ type }) => type === 'literalExpression') ?? views[0];
}

/** Tabs over the canvas, one per view of the file. */
function paintTabs(tabs, modeler) {
  const active = modeler.getActiveView();
  tabs.replaceChildren(...modeler.getViews().map((view) => {
    const button = Object.assign(document.createElement('button'), { type: 'button', className: 'tab', textContent: view.element.name || view.element.id });
    if (view.element === active?.element) button.setAttribute('aria-current', 'page');
    button.addEventListener('click', () => modeler.open(view));
    return button;
  }));
}

/** Every part of the file has its own command stack and event bus: listens to each once. */
function watch(modeler, changed) {
  const seen = new WeakSet();
  return () => {
    const viewer = modeler.getActiveViewer();
    if (!viewer || seen.has(viewer)) return;
    seen.add(viewer);
    viewer.on('commandStack.changed', changed);
  };
}

function contains(element, id) {
  if (!element || typeof element !== 'object') return false;
  if (element.id === id) return true;
  const children = [element.decisionLogic, ...(element.input ?? []), ...(element.output ?? []), ...(element.rule ?? []),
    ...(element.inputEntry ?? []), ...(element.outputEntry ?? []), element.inputExpression];
  return children.some((child) => contains(child, id));
}

async function show(modeler, canvas, { element_id: id }) {
  const view = modeler.getViews().find(({ element, type }) => type !== 'drd' && contains(element, id));
  if (view && view.element !== modeler.getActiveView()?.element) await modeler.open(view);
  const cell = canvas.querySelector(`[data-element-id="${CSS.escape(id)}"], [data-row-id="${CSS.escape(id)}"]`);
  cell?.scrollIntoView({ block: 'center', inline: 'center' });
}

function mark(canvas, findings) {
  canvas.querySelectorAll('.has-finding').forEach((cell) => cell.classList.remove('has-finding'));
  for (const { element_id: id } of findings) {
    if (id) canvas.querySelector(`[data-element-id="${CSS.escape(id)}"]`)?.classList.add('has-finding');
  }
}

function start(root) {
  const canvas = root.querySelector('[data-canvas]');
  const tabs = Object.assign(document.createElement('div'), { className: 'tabs editor-tabs' });
  canvas.before(tabs);
  const translate = { translate: ['value', translator(dictionary)] };
  const part = { additionalModules: [translate] };
  const modeler = new Modeler({
    container: canvas,
    drd: part, decisionTable: part, literalExpression: part, boxedExpression: part,
  });
  let findings = [];
  const stack = () => modeler.getActiveViewer()?.get('commandStack');
  const desk = new EditorDesk(root, {
    open: async (xml) => {
      await modeler.importXML(xml, { open: false });
      const view = firstView(modeler);
      if (view) await modeler.open(view);
    },
    xml: async () => (await modeler.saveXML({ format: true })).xml,
    undo: () => stack()?.undo(),
    redo: () => stack()?.redo(),
    fit: () => {},
    show: (finding) => show(modeler, canvas, finding),
    mark: (found) => { findings = found; mark(canvas, found); },
  });
  const listen = watch(modeler, () => desk.changed());
  modeler.on('views.changed', () => {
    paintTabs(tabs, modeler);
    listen();
    setTimeout(() => mark(canvas, findings));
  });
  return desk.start();
}

document.querySelectorAll('[data-dmn]').forEach(start);
