// The beat of an open page: tells the server which case is before the person and shows who else has it before him.
import { postJson } from './http.js';
import { words } from './words.js';

const every = 4000;
let before = null;
let timer = null;

const looked = () => document.querySelector('[data-preview]') ?? document.querySelector('[data-looking]');

function show(others) {
  for (const place of document.querySelectorAll('[data-presence]')) {
    const names = others[place.dataset.presence];
    const text = names ? words('{names}正在看', { names: names.join('、') }) : '';
    if (place.textContent !== text) place.textContent = text;
  }
}

async function beat() {
  clearTimeout(timer);
  timer = setTimeout(beat, every);
  if (document.hidden || document.getElementById('session-dialog')) return;
  const case_ = looked();
  const looking = case_ ? Number(case_.dataset.preview ?? case_.dataset.looking) : null;
  const shown = [...document.querySelectorAll('[data-presence]')].map((place) => Number(place.dataset.presence));
  if (looking === null && !shown.length) return;
  // Seen is what stood there for a whole beat, not what was passed over.
  const sequence = looking !== null && before === looking ? Number(case_.dataset.sequence) : null;
  before = looking;
  try {
    const { body } = await postJson('/inbox/pulse', { looking, sequence, shown }, { poll: true });
    show(body.others);
  } catch {
    // A missed beat means nothing; the list's own polling says when the server is gone.
  }
}

/** Beats while the page is shown, and at once when another case comes before the person. */
export function startPulse() {
  if (!document.querySelector('[data-presence], [data-inbox], [data-looking]')) return;
  document.addEventListener('case-shown', () => {
    clearTimeout(timer);
    timer = setTimeout(beat, 600);
  });
  beat();
}
