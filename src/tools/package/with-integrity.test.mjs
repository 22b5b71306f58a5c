import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { withIntegrity } from './with-integrity.mjs';

it('gives each file the hash that browsers compute of it, in the form of Subresource Integrity', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'bamba-web-integrity-'));
  try {
    writeFileSync(join(folder, 'a.js'), 'alert(1)');
    const { manifest } = await withIntegrity(folder)([{ url: 'a.js', revision: null, size: 8 }]);
    const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode('alert(1)')));
    expect(manifest).toEqual([
      { url: 'a.js', revision: null, size: 8, integrity: `sha256-${btoa(String.fromCharCode(...hash))}` },
    ]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

it('fails where a file of the list is not there', async () => {
  const listed = [{ url: 'missing.js', revision: null, size: 1 }];
  await expect(withIntegrity(tmpdir())(listed)).rejects.toThrow('ENOENT');
});
