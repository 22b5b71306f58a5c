// The size of the package in a page: bundled and minified as a consumer's bundler does it, for size-limit to measure.

import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'vite';

const root = join(dirname(fileURLToPath(import.meta.url)), '../../..');

/** Pages that use the package, by what they are measured as. */
const PAGES = {
  index: "import { createEngine } from './index.js'; globalThis.createEngine = createEngine;",
  define: "import './define.js';",
};

for (const [name, code] of Object.entries(PAGES)) {
  const page = join(root, 'dist-lib', `${name}-page.js`);
  await build({
    configFile: false,
    root,
    publicDir: false,
    logLevel: 'warn',
    plugins: [
      {
        name: 'page',
        resolveId: (id) => (id === page ? id : null),
        load: (id) => (id === page ? code : null),
      },
    ],
    build: {
      target: 'es2023',
      outDir: join(root, 'dist-lib', 'size', name),
      emptyOutDir: true,
      rolldownOptions: { input: page },
    },
  });
}
