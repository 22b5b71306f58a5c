// `npm run build:lib`: the package as it is published, in dist-lib. Its dependencies stay imports; the worker, inlined in
// the client and as an entry of its own, has all that it needs in one file. Declarations come from tsc.

import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'vite';
import { emitTypes } from './emit-types.mjs';
import { Notices } from './notices.mjs';
import { stripWgsl } from './strip-wgsl.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..', '..');
const out = join(root, 'dist-lib');
const { dependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const packages = Object.keys(dependencies);

const ENTRIES = {
  index: 'src/index.ts',
  element: 'src/element/bamba-chat.ts',
  define: 'src/element/define.ts',
  openai: 'src/api/openai.ts',
  'ai-sdk': 'src/api/ai-sdk.ts',
  transformers: 'src/api/transformers.ts',
};

/** Licences of what is in the package: dependencies that stay imports come with their own. */
const notices = new Notices(root);

/** Of the comments, what stays in code that no other bundler will look into. */
const BUT_LICENCES = { legal: true, annotation: false, jsdoc: false };

/**
 * @param {Record<string, string>} entries
 * @param {(id: string) => boolean} external
 * @param {boolean} first whether the folder is emptied before
 */
async function bundle(entries, external, first) {
  await build({
    configFile: false,
    root,
    publicDir: false,
    logLevel: 'warn',
    // A consumer's bundler does not look into the worker: it is minified here. The modules are left to that bundler.
    plugins: [stripWgsl(), notices.plugin({ emit: true })],
    worker: {
      format: 'es',
      plugins: () => [stripWgsl(), notices.plugin()],
      rolldownOptions: { output: { minify: true, comments: BUT_LICENCES } },
    },
    build: {
      target: 'es2023',
      outDir: out,
      emptyOutDir: first,
      lib: { entry: entries, formats: ['es'] },
      rolldownOptions: {
        external,
        output: { chunkFileNames: 'chunks/[name]-[hash].js', minify: !first, comments: first || BUT_LICENCES },
      },
    },
  });
}

/** @param {string} id */
const isDependency = (id) => packages.some((name) => id === name || id.startsWith(`${name}/`));

await bundle(ENTRIES, isDependency, true);
await bundle({ worker: 'src/engine/worker.ts' }, () => false, false);
process.exitCode = await emitTypes(root);
