import 'fake-indexeddb/auto';
import { openDB } from 'idb';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Manifest } from '../weights/manifest.ts';
import { PackageStore } from './store.ts';

const manifest = (name: string, hashes: string[]): Manifest => ({
  format: 'bamba-web',
  version: 1,
  name,
  source: {},
  scheme: 'f32',
  architecture: {},
  parameters: 4,
  stream: { bytes: 16 },
  tensors: [{ name: 'x', shape: [4], scheme: 'f32', offset: 0, bytes: 16 }],
  shards: hashes.slice(0, 1).map((sha256, i) => ({ file: `shard-000${i}.bin`, bytes: 16, sha256 })),
  files: hashes[1] ? { 'tokenizer.json': { file: 'tokenizer.json', bytes: 2, sha256: hashes[1] } } : {},
});
const [a, b, c] = ['a', 'b', 'c'].map((letter) => letter.repeat(64)) as [string, string, string];
const url = 'https://example.org/model/';

let store: PackageStore;
let databases = 0;

beforeEach(async () => {
  store = await PackageStore.open(`store-test-${databases++}`);
});
afterEach(() => {
  store.close();
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

describe('PackageStore', () => {
  it('keeps what its first version stored', async () => {
    const name = 'store-test-first-version';
    const old = await openDB(name, 1, {
      upgrade(database) {
        database.createObjectStore('packages', { keyPath: 'url' });
        database.createObjectStore('blobs');
        database.createObjectStore('blobSizes');
      },
    });
    await old.put('packages', { url, manifest: manifest('One', [a]), savedAt: 1 });
    await old.put('blobs', Uint8Array.of(1, 2, 3).buffer, [url, a]);
    await old.put('blobSizes', 3, [url, a]);
    old.close();
    const upgraded = await PackageStore.open(name);
    expect(await upgraded.blob(url, a)).toEqual(Uint8Array.of(1, 2, 3));
    expect(await upgraded.list()).toMatchObject([{ url, name: 'One', complete: true }]);
    expect(await upgraded.origin(url)).toBeNull();
    expect(await upgraded.conversion(url)).toBeNull();
    upgraded.close();
  });

  it('keeps manifests and blobs, each package its own', async () => {
    const other = 'https://example.org/model/other/';
    await store.putManifest(url, manifest('One', [a]));
    await store.putBlob(url, a, Uint8Array.of(1, 2, 3));
    expect(await store.manifest(url)).toEqual(manifest('One', [a]));
    expect(await store.blob(url, a)).toEqual(Uint8Array.of(1, 2, 3));
    expect(await store.blobSizes(url)).toEqual(new Map([[a, 3]]));
    expect(await store.manifest(other)).toBeNull();
    expect(await store.blob(other, a)).toBeNull();
    expect(await store.blobSizes(other)).toEqual(new Map());
  });

  it('stores the bytes of a view alone, not the buffer behind it', async () => {
    await store.putBlob(url, a, new Uint8Array(1000).fill(7).subarray(10, 12));
    expect(await store.blob(url, a)).toEqual(Uint8Array.of(7, 7));
  });

  it('gives no manifest that this version does not understand', async () => {
    await store.putManifest(url, { ...manifest('One', [a]), version: 2 } as unknown as Manifest);
    expect(await store.manifest(url)).toBeNull();
  });

  it('commits a manifest and drops what it does not name', async () => {
    const other = `${url}other/`;
    for (const hash of [a, b, c]) await store.putBlob(url, hash, Uint8Array.of(1));
    await store.putBlob(other, c, Uint8Array.of(1));
    await store.commit(url, manifest('One', [a, b]));
    expect([...(await store.blobSizes(url)).keys()]).toEqual([a, b]);
    expect(await store.blob(url, c)).toBeNull();
    expect(await store.blob(other, c)).not.toBeNull();
  });

  it('lists packages with their sizes, and says which are complete', async () => {
    await store.putManifest(url, manifest('One', [a, b]));
    await store.putBlob(url, a, new Uint8Array(16));
    const expected = { url, name: 'One', scheme: 'f32', totalBytes: 18, storedBytes: 16, complete: false };
    expect(await store.list()).toMatchObject([expected]);
    await store.putBlob(url, b, new Uint8Array(2));
    expect(await store.list()).toMatchObject([{ ...expected, storedBytes: 18, complete: true }]);
  });

  it('deletes a package with all that belongs to it, and no other', async () => {
    const longer = `${url}other/`;
    for (const address of [url, longer]) {
      await store.putManifest(address, manifest(address, [a]));
      await store.putBlob(address, a, new Uint8Array(16));
    }
    await store.delete(url);
    expect((await store.list()).map((one) => one.url)).toEqual([longer]);
    expect(await store.blob(url, a)).toBeNull();
    expect(await store.blob(longer, a)).not.toBeNull();
    await store.deleteBlob(longer, a);
    expect(await store.blobSizes(longer)).toEqual(new Map());
  });

  it('tells a full disk by what is missing', async () => {
    vi.stubGlobal('navigator', { storage: { estimate: async () => ({ quota: 10e6, usage: 9e6 }) } });
    vi.spyOn(IDBObjectStore.prototype, 'put').mockImplementation(() => {
      throw new DOMException('full', 'QuotaExceededError');
    });
    await expect(store.putBlob(url, a, new Uint8Array(4e6))).rejects.toMatchObject({
      code: 'storage_full',
      message: expect.stringContaining('3.0 MB') as string,
    });
  });

  it('is unavailable once it is closed, and where it cannot be opened', async () => {
    store.close();
    await expect(store.list()).rejects.toMatchObject({ code: 'storage_unavailable' });
    vi.spyOn(indexedDB, 'open').mockImplementation(() => {
      throw new DOMException('denied', 'SecurityError');
    });
    await expect(PackageStore.open('denied')).rejects.toMatchObject({ code: 'storage_unavailable' });
  });
});
