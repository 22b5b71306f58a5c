// `npm run build:lib`: the package as it is published, in dist-lib. Its dependencies stay imports. The worker has all that
// it needs in one file, inlined in the client and as an entry of its own. So has the build for pages without a bundler.
// Declarations come from tsc.

import { readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'vite';
import { emitTypes } from './emit-types.mjs';
import { Notices } from './notices.mjs';
import { stripWgsl } from './strip-wgsl.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '../../..');
const out = join(root, 'dist-lib');
const { dependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const packages = Object.keys(dependencies);

/** Those for frameworks are `define` with other types. */
const ENTRIES = {
  index: 'src/index.ts',
  element: 'src/element/bamba-chat.ts',
  define: 'src/element/define.ts',
  openai: 'src/api/openai.ts',
  'ai-sdk': 'src/api/ai-sdk.ts',
  'prompt-api': 'src/api/prompt-api.ts',
  transformers: 'src/api/transformers.ts',
};

/** Licences of what is in the package: dependencies that stay imports come with their own. */
const notices = new Notices(root);

/** Of the comments, what stays in code that no other bundler will look into. */
const BUT_LICENCES = { legal: true, annotation: false, jsdoc: false };

/**
 * @typedef {object} Kind
 * @property {(id: string) => boolean} [external] what stays an import; nothing unless said
 * @property {boolean} [whole] each entry in one file, and minified, as no bundler will look into it
 * @property {import('vite').Plugin[]} [plugins]
 */

/**
 * @param {Record<string, string>} entries
 * @param {Kind} kind
 */
async function bundle(entries, { external = () => false, whole = false, plugins = [] }) {
  await build({
    configFile: false,
    root,
    publicDir: false,
    logLevel: 'warn',
    plugins: [...plugins, stripWgsl(), notices.plugin({ emit: true })],
    worker: {
      format: 'es',
      plugins: () => [stripWgsl(), notices.plugin()],
      // A consumer's bundler does not look into the worker. The modules are left to that bundler.
      rolldownOptions: { output: { minify: true, comments: BUT_LICENCES } },
    },
    build: {
      target: 'es2023',
      outDir: out,
      emptyOutDir: false,
      lib: { entry: entries, formats: ['es'] },
      rolldownOptions: {
        external,
        output: {
          chunkFileNames: 'chunks/[name]-[hash].js',
          ...(whole
            ? { codeSplitting: false, minify: true, comments: BUT_LICENCES }
            : { minify: false, comments: true }),
        },
      },
    },
  });
}

/** @param {string} id */
const isDependency = (id) => packages.some((name) => id === name || id.startsWith(`${name}/`));

rmSync(out, { recursive: true, force: true });
await bundle(ENTRIES, { external: isDependency });
await bundle({ worker: 'src/engine/worker/worker.ts' }, { whole: true });
await bundle({ standalone: 'src/standalone.ts' }, { whole: true });
process.exitCode = await emitTypes(root);
