// npm runs this before it packs. It builds the package, and stops where a part is missing.

import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { run } from '../process.mjs';

const folder = dirname(fileURLToPath(import.meta.url));
const build = await run(process.execPath, [join(folder, 'build-library.mjs')]);
process.exitCode = build === 0 ? await run(process.execPath, [join(folder, 'check-package.mjs')]) : build;
