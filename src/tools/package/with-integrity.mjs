// Each file of a service worker's list with the hash of its bytes, so that the worker can tell it from anything else.

import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * The function that Workbox calls with its list.
 * @param {string} folder that the files are in
 */
export function withIntegrity(folder) {
  /** @param {{ url: string, revision: string | null, size: number, integrity?: string }[]} entries */
  return async (entries) => ({
    manifest: await Promise.all(
      entries.map(async (entry) => ({ ...entry, integrity: integrityOf(await readFile(join(folder, entry.url))) })),
    ),
    warnings: [],
  });
}

/** @param {Uint8Array} bytes */
function integrityOf(bytes) {
  return `sha256-${createHash('sha256').update(bytes).digest('base64')}`;
}
