// A package that a processor computes in no time, in the place of one that a page loads.

import type { Page } from '@playwright/test';
import { packCheckpoint } from '../src/engine/loading/pack-checkpoint.ts';
import { quickCheckpoint } from '../src/testing/models/quick-model.ts';
import { memorySource } from '../src/weights/byte-source.ts';
import type { PackageFile } from '../src/weights/manifest.ts';

/** Its package, by the names of its files. */
async function quickPackage(config: object): Promise<Map<string, Uint8Array>> {
  const source = await packCheckpoint(memorySource(quickCheckpoint(config)), 'f32', 'quick');
  const { manifest } = source;
  const files = new Map([['manifest.json', new TextEncoder().encode(JSON.stringify(manifest))]]);
  for (const [name, entry] of Object.entries(manifest.files)) {
    if (entry) files.set(entry.file, await source.file(name as PackageFile));
  }
  for (const [index, { file }] of manifest.shards.entries()) files.set(file, await source.shard(index));
  return files;
}

/**
 * Answers requests for files of a package.
 * @param change what the manifest says otherwise
 * @param config what its config says otherwise
 */
export async function serveQuickPackage(
  page: Page,
  addresses: string,
  change: object = {},
  config: object = {},
): Promise<void> {
  const files = await quickPackage(config);
  const manifest = JSON.parse(new TextDecoder().decode(files.get('manifest.json'))) as object;
  files.set('manifest.json', new TextEncoder().encode(JSON.stringify({ ...manifest, ...change })));
  await page.route(addresses, (route) => {
    const name = new URL(route.request().url()).pathname.split('/').at(-1) ?? '';
    const body = files.get(name);
    return body ? route.fulfill({ body: Buffer.from(body) }) : route.fulfill({ status: 404 });
  });
}
