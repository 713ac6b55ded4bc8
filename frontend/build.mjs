// Bundles every entry of src/ into ../static/dist with hashed names, manifest.json, .gz and .br copies.
// Knows nothing of Python: the templates are read only to learn which Tabler classes are in use.
import { build } from 'esbuild';
import { PurgeCSS } from 'purgecss';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import { mkdirSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, basename, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const root = dirname(here);
const target = join(root, 'static', 'dist');
const out = join(root, 'static', 'dist.building');
const entries = ['english', 'app', 'inbox', 'form', 'diagram', 'modeler', 'dmn'];

// Class names that templates or scripts put together at run time.
const safelist = {
  standard: ['show', 'active', 'disabled', 'collapsed', 'is-invalid', 'invalid-feedback'],
  greedy: [
    /^alert-(success|info|warning|danger)$/,
    /^btn-(primary|danger|ghost-secondary|sm|icon)$/,
  ],
};

/** The words of a file that can be class or tag names: not its prose, whose "table" or "row" would keep rules that no page needs. */
function classWords(text) {
  const found = [];
  for (const [, words] of text.matchAll(/class(?:Name)?\s*=\s*"([^"]*)"/g)) found.push(words);
  for (const [, words] of text.matchAll(/['`]([^'`\n]*)['`]/g)) found.push(words);
  for (const [, tag] of text.matchAll(/<([a-z][a-z0-9]*)/g)) found.push(tag);
  return found.join(' ').match(/[A-Za-z0-9_-]+/g) ?? [];
}

/** Keeps only the Tabler rules whose selectors occur in templates, Python or our scripts. */
const purgeTabler = {
  name: 'purge-tabler',
  setup(builder) {
    builder.onLoad({ filter: /@tabler[\\/]core[\\/]dist[\\/]css[\\/]tabler\.css$/ }, async (args) => {
      const glob = (path) => join(root, path).replaceAll('\\', '/');
      const [result] = await new PurgeCSS().purge({
        content: [glob('templates/**/*.html'), glob('frontend/src/*.js')],
        skippedContentGlobs: [glob('frontend/src/english.js')],
        css: [{ raw: readFileSync(args.path, 'utf8') }],
        safelist,
        variables: true,
        keyframes: true,
        defaultExtractor: classWords,
      });
      return { contents: result.css, loader: 'css' };
    });
  },
};

const patched = new Set();
const patches = [
  {
    // CodeMirror then uses constructed style sheets, which style-src does not concern.
    filter: /style-mod[\\/]src[\\/]style-mod\.js$/,
    changes: [['!root.head && root.adoptedStyleSheets', 'root.adoptedStyleSheets']],
  },
  {
    // The two words that form-js-viewer does not pass to its translate function.
    filter: /form-js-viewer[\\/]dist[\\/]index\.es\.js$/,
    changes: [
      ["valueLabel || 'Select'", "valueLabel || globalThis.banjieFormWords?.select || 'Select'"],
      ['children: "Browse"', 'children: globalThis.banjieFormWords?.browse ?? "Browse"'],
    ],
  },
];

/** Replaces listed text in dependencies; a text that is no longer there stops the build. */
const patchDependencies = {
  name: 'patch-dependencies',
  setup(builder) {
    for (const { filter, changes } of patches) {
      builder.onLoad({ filter }, (args) => {
        let contents = readFileSync(args.path, 'utf8');
        for (const [before, after] of changes) {
          if (!contents.includes(before)) throw new Error(`${relative(here, args.path)}: text to patch is gone: ${before}`);
          contents = contents.replaceAll(before, after);
        }
        patched.add(filter);
        return { contents, loader: 'js' };
      });
    }
    builder.onEnd(() => {
      const missed = patches.filter(({ filter }) => !patched.has(filter));
      if (missed.length) throw new Error(`never patched: ${missed.map(({ filter }) => filter).join(', ')}`);
    });
  },
};

/** Static imports of an output file, followed through all chunks, without itself. */
function preloads(outputs, path, seen = new Set()) {
  for (const { path: imported, kind } of outputs[path].imports) {
    if (kind !== 'import-statement' || seen.has(imported)) continue;
    seen.add(imported);
    preloads(outputs, imported, seen);
  }
  return seen;
}

function writeManifest(outputs) {
  const manifest = { files: {}, imports: {} };
  for (const [path, meta] of Object.entries(outputs)) {
    if (!meta.entryPoint) continue;
    const name = basename(meta.entryPoint).replace(/\.js$/, '');
    manifest.files[`${name}.js`] = basename(path);
    if (meta.cssBundle) manifest.files[`${name}.css`] = basename(meta.cssBundle);
    manifest.imports[`${name}.js`] = [...preloads(outputs, path)].map((file) => basename(file));
  }
  writeFileSync(join(out, 'manifest.json'), `${JSON.stringify(manifest, null, 1)}\n`);
  return manifest;
}

const quality = (size) => size > 200_000 ? 8 : 11; // what every page loads as small as can be, editors without minutes of packing

function compress() {
  const sizes = {};
  for (const file of readdirSync(out).filter((name) => /\.(js|css|svg)$/.test(name))) {
    const plain = readFileSync(join(out, file));
    const packed = gzipSync(plain, { level: 9 });
    writeFileSync(join(out, `${file}.gz`), packed);
    writeFileSync(join(out, `${file}.br`), brotliCompressSync(plain, { params: { [constants.BROTLI_PARAM_QUALITY]: quality(plain.length) } }));
    sizes[file] = packed.length;
  }
  return sizes;
}

function report(manifest, sizes) {
  for (const entry of entries) {
    const files = [`${entry}.js`, `${entry}.css`].map((name) => manifest.files[name]).filter(Boolean);
    const total = [...files, ...manifest.imports[`${entry}.js`]].reduce((sum, file) => sum + sizes[file], 0);
    console.log(`${entry.padEnd(8)} ${(total / 1024).toFixed(1).padStart(6)} KB gz`);
  }
}

rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });
const result = await build({
  absWorkingDir: here,
  entryPoints: entries.map((entry) => `src/${entry}.js`),
  outdir: out,
  bundle: true,
  format: 'esm',
  splitting: true,
  minify: true,
  metafile: true,
  legalComments: 'linked',
  target: ['chrome90', 'firefox90', 'safari15'],
  entryNames: '[name]-[hash]',
  chunkNames: 'chunk-[hash]',
  assetNames: '[name]-[hash]',
  loader: { '.woff2': 'file', '.woff': 'file', '.svg': 'file', '.ttf': 'empty', '.eot': 'empty' },
  alias: { 'preact': join(here, 'node_modules/preact') },
  plugins: [purgeTabler, patchDependencies],
  logLevel: 'warning',
});
const manifest = writeManifest(result.metafile.outputs);
const sizes = compress();
// Swapped at the end, so that a running server misses its files for an instant only.
rmSync(target, { recursive: true, force: true });
renameSync(out, target);
report(manifest, sizes);
