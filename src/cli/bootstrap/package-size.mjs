// What the package weighs in a page: bundled and minified as a consumer's bundler does it, for size-limit to measure.

import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'vite';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..', '..');

for (const entry of ['index', 'define']) {
  await build({
    configFile: false,
    root,
    publicDir: false,
    logLevel: 'warn',
    build: {
      target: 'es2023',
      outDir: join(root, 'dist-lib', 'size', entry),
      rolldownOptions: { input: join(root, 'dist-lib', `${entry}.js`), preserveEntrySignatures: 'strict' },
    },
  });
}
