// Words of our own scripts: the Chinese source is the key, English stands beside it; <html lang> chooses.
const english = globalThis.banjieEnglish ?? {}; // english.js, loaded first on English pages

export const chinese = !document.documentElement.lang.toLowerCase().startsWith('en');

/** The text in the page's language with {names} filled in. */
export function words(source, values = {}) {
  const text = chinese ? source : english[source] ?? source;
  return text.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}

/** A translate function for an editor from bpmn.io: English → Chinese, and where wanted better English; misses are collected for tests. */
export function translator(dictionary, betterEnglish = {}) {
  const missing = (window.__banjieMissing ??= new Set());
  return function translate(template, replacements = {}) {
    const known = (chinese ? dictionary : betterEnglish)[template];
    if (chinese && template && known === undefined && /[A-Za-z]{2}/.test(template)) missing.add(template);
    return (known ?? template ?? '').replace(/\{(\w+)\}/g, (whole, name) => replacements[name] ?? whole);
  };
}
