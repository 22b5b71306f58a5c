import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

// The last line of the reference: a hash of the declarations that it was made of. Whether it is fresh can so be told
// without TypeDoc, which needs the network.

const LINE = /\n<!-- Of (?<files>.+): sha256 (?<hash>[0-9a-f]{64}) -->\n$/;

/**
 * The line for a reference.
 * @param files paths in `types`; all that they export is in the reference, and they alone
 * @param types the folder of the package's declarations
 */
export function fingerprint(files: readonly string[], types: string): string {
  const hash = createHash('sha256');
  for (const file of files)
    hash.update(`${file}\n${readFileSync(join(types, file), 'utf8').replaceAll('\r\n', '\n')}\n`);
  return `\n<!-- Of ${files.join(', ')}: sha256 ${hash.digest('hex')} -->\n`;
}

/** Whether a reference is of the declarations as they are now. */
export function isFresh(reference: string, types: string): boolean {
  const files = LINE.exec(reference)?.groups?.['files']?.split(', ') ?? [];
  try {
    return files.length > 0 && reference.endsWith(fingerprint(files, types));
  } catch {
    return false; // one of them is gone
  }
}
