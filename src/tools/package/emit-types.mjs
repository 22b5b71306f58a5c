// The declarations of the package, from tsc, in dist-lib/types.

import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from '../process.mjs';

/**
 * Writes them anew. They name their files as the compiled ones are called.
 * @param {string} root the project's folder
 * @returns {Promise<number>} the exit code of tsc
 */
export async function emitTypes(root) {
  const types = join(root, 'dist-lib', 'types');
  rmSync(types, { recursive: true, force: true });
  const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  const code = await run(process.execPath, [tsc, '-p', join(root, 'src', 'tsconfig.json')], { cwd: root });
  for (const entry of readdirSync(types, { recursive: true, encoding: 'utf8' })) {
    if (!entry.endsWith('.d.ts')) continue;
    const file = join(types, entry);
    const text = readFileSync(file, 'utf8');
    writeFileSync(file, text.replaceAll(/(from|import\(?)(\s*)(['"]\.[^'"]*)\.ts(['"])/g, '$1$2$3.js$4'));
  }
  return code;
}
