// Says what is wrong with the package as npm would pack it from this folder, which is an argument or the project's.

import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { packageFaults, packedFiles } from './packed.mjs';

const own = join(dirname(fileURLToPath(import.meta.url)), '../../..');
const root = resolve(process.argv[2] ?? own);
const faults = packageFaults(root, packedFiles(root));
for (const fault of faults) console.error(fault);
if (faults.length === 0) console.log('The package is whole: what it names is packed, and its links lead somewhere.');
process.exitCode = faults.length > 0 ? 1 : 0;
