// The process editor in Chinese: canvas, menus and the Camunda 7 properties; keys are the libraries' English.
import { canvas } from './bpmn-canvas.zh.js';
import { panel } from './bpmn-panel.zh.js';

// The panel's head spells element kinds with capitals and without hyphens: "Timer Boundary Event (Non Interrupting)".
const titleCase = (key) => key.replace(/-/g, ' ').replace(/\b[a-z]/g, (letter) => letter.toUpperCase());
const heads = Object.fromEntries(Object.entries(canvas).map(([key, value]) => [titleCase(key), value]));

export default { ...heads, ...canvas, ...panel };
