// The process editor: bpmn-js with Camunda 7 properties, in the page's language, with the server's findings on the elements.
import Modeler from 'bpmn-js/lib/Modeler';
import { BpmnPropertiesPanelModule, BpmnPropertiesProviderModule, CamundaPlatformPropertiesProviderModule } from 'bpmn-js-properties-panel';
import camundaBehaviors from 'camunda-bpmn-js-behaviors/lib/camunda-platform';
import camunda from 'camunda-bpmn-moddle/resources/camunda.json';
import 'bpmn-js/dist/assets/diagram-js.css';
import 'bpmn-js/dist/assets/bpmn-js.css';
import 'bpmn-js/dist/assets/bpmn-font/css/bpmn.css';
import '@bpmn-io/properties-panel/dist/assets/properties-panel.css';
import './styles/modeler.css';
import { EditorDesk } from './editor-desk.js';
import { labelOf } from './findings.js';
import betterEnglish from './locales/bpmn.en.js';
import dictionary from './locales/bpmn.zh.js';
import { translator } from './words.js';

const paletteWidth = 130;
const signs = { error: '!', warning: '△', info: 'i' };

/** Shows the whole diagram beside the palette, never larger than life. */
function fit(modeler) {
  const canvas = modeler.get('canvas');
  canvas.resized();
  const { inner, outer } = canvas.viewbox();
  if (!inner.width) return;
  const scale = Math.min(1, (outer.width - paletteWidth - 40) / inner.width, (outer.height - 80) / inner.height);
  const width = outer.width / scale;
  const height = outer.height / scale;
  canvas.viewbox({ x: inner.x - (paletteWidth + (outer.width - paletteWidth - inner.width * scale) / 2) / scale, y: inner.y - (height - inner.height) / 2, width, height });
}

/** Findings as signs at their elements; elements of other diagrams levels are only in the list. */
function mark(modeler, findings) {
  const overlays = modeler.get('overlays');
  const registry = modeler.get('elementRegistry');
  overlays.remove({ type: 'finding' });
  const byElement = Map.groupBy ? Map.groupBy(findings, (finding) => finding.element_id) : groupByElement(findings);
  for (const [id, found] of byElement) {
    const element = registry.get(id);
    if (!element || element === modeler.get('canvas').getRootElement()) continue;
    const worst = found[0].severity;
    const sign = document.createElement('span');
    sign.className = `finding-sign finding-sign-${worst}`;
    sign.textContent = signs[worst] ?? 'i';
    sign.title = found.map(({ severity, reason, advice }) => `${labelOf(severity)}：${reason}${advice ? `\n${advice}` : ''}`).join('\n\n');
    const position = element.waypoints ? { top: -10, left: -10 } : { top: -10, left: -10 };
    overlays.add(id, 'finding', { position, html: sign });
  }
}

function groupByElement(findings) {
  const groups = new Map();
  for (const finding of findings) groups.set(finding.element_id, [...(groups.get(finding.element_id) ?? []), finding]);
  return groups;
}

function show(modeler, { element_id: id }) {
  const element = modeler.get('elementRegistry').get(id);
  const canvas = modeler.get('canvas');
  if (!element) return;
  const root = canvas.findRoot(element);
  if (root && root !== canvas.getRootElement()) canvas.setRootElement(root);
  if (element !== canvas.getRootElement()) {
    canvas.scrollToElement(element, { top: 100, bottom: 100, left: 140, right: 100 });
    modeler.get('selection').select(element);
  }
}

function start(root) {
  const modeler = new Modeler({
    container: root.querySelector('[data-canvas]'),
    propertiesPanel: { parent: root.querySelector('[data-properties]') },
    moddleExtensions: { camunda },
    additionalModules: [
      BpmnPropertiesPanelModule,
      BpmnPropertiesProviderModule,
      CamundaPlatformPropertiesProviderModule,
      camundaBehaviors,
      { translate: ['value', translator(dictionary, betterEnglish)] },
    ],
  });
  const desk = new EditorDesk(root, {
    open: async (xml) => {
      await modeler.importXML(xml);
      fit(modeler);
    },
    xml: async () => (await modeler.saveXML({ format: true })).xml,
    undo: () => modeler.get('commandStack').undo(),
    redo: () => modeler.get('commandStack').redo(),
    fit: () => fit(modeler),
    show: (finding) => show(modeler, finding),
    mark: (findings) => mark(modeler, findings),
  });
  modeler.on('commandStack.changed', () => desk.changed());
  window.addEventListener('resize', () => modeler.get('canvas').resized());
  return desk.start();
}

document.querySelectorAll('[data-modeler]').forEach(start);
