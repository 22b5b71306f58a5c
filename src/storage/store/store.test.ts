import 'fake-indexeddb/auto';
import { openDB } from 'idb';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Manifest } from '../../weights/manifest.ts';
import { listPackages } from '../packages/package-list.ts';
import { writeAtOnce } from './database.ts';
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
    expect(await listPackages(upgraded.database)).toMatchObject([{ url, name: 'One', complete: true }]);
    expect(await upgraded.origin(url)).toBeNull();
    expect(await upgraded.conversion(url)).toBeNull();
    upgraded.close();
  });

  it('keeps what its second version stored, what was begun included', async () => {
    const name = 'store-test-second-version';
    const old = await openDB(name, 2, {
      upgrade(database) {
        database.createObjectStore('packages', { keyPath: 'url' });
        database.createObjectStore('blobs');
        database.createObjectStore('blobSizes');
        database.createObjectStore('conversions', { keyPath: 'id' });
      },
    });
    const entry = { file: 'shard-0000.bin', bytes: 3, sha256: a };
    const begun = {
      id: 'org/name#int8',
      name: 'name',
      scheme: 'int8',
      origin: { model: 'org/name', version: 'v', identity: 'i' },
      totalBytes: 100,
      shards: [entry, null],
      savedAt: 2,
    };
    await old.put('packages', { url, manifest: manifest('One', [b]), savedAt: 1 });
    await old.put('conversions', begun);
    for (const [id, hash] of [
      [url, b],
      [begun.id, a],
    ] as const) {
      await old.put('blobs', Uint8Array.of(1, 2, 3).buffer, [id, hash]);
      await old.put('blobSizes', 3, [id, hash]);
    }
    old.close();
    const upgraded = await PackageStore.open(name);
    expect(await upgraded.conversion(begun.id)).toEqual(begun);
    expect(await upgraded.blob(begun.id, a)).toEqual(Uint8Array.of(1, 2, 3));
    expect(await listPackages(upgraded.database)).toMatchObject([
      { url, complete: true, storedBytes: 3 },
      { url: begun.id, complete: false, storedBytes: 3 },
    ]);
    await upgraded.putPieces(begun.id, 'i', [{ begin: 3, bytes: Uint8Array.of(4, 5) }]);
    expect(await listPackages(upgraded.database)).toMatchObject([{ url }, { url: begun.id, storedBytes: 5 }]);
    upgraded.close();
  });

  describe('pieces', () => {
    const range = { of: 'x', begin: 10, end: 20 };
    const piece = (begin: number, ...bytes: number[]) => ({ begin, bytes: Uint8Array.from(bytes) });

    beforeEach(async () => {
      await store.putPieces(url, 'x', [piece(10, 1, 2), piece(12, 3), piece(20, 4)]);
      await store.putPieces(url, 'y', [piece(10, 5)]);
      await store.putPieces(`${url}other/`, 'x', [piece(10, 6)]);
    });

    it('are kept in order, and counted', async () => {
      expect(await store.pieces(url, range)).toEqual([
        [10, 12],
        [12, 13],
      ]);
      expect(await store.piece(url, 'x', 10, 12)).toEqual(Uint8Array.of(1, 2));
      expect(await store.piece(url, 'x', 10, 13)).toBeNull();
      expect(await store.pieceBytes(url)).toBe(5);
      await store.putManifest(url, manifest('One', [a]));
      expect(await listPackages(store.database)).toMatchObject([{ storedBytes: 5, complete: false }]);
    });

    it('are nothing where they are damaged', async () => {
      store.close();
      const raw = await openDB(`store-test-${databases - 1}`);
      await raw.put('pieces', { bytes: Uint8Array.of(1, 3).buffer, sha256: a }, [url, 'x', 10, 12]);
      raw.close();
      store = await PackageStore.open(`store-test-${databases - 1}`);
      expect(await store.piece(url, 'x', 10, 12)).toBeNull();
      expect(await store.piece(url, 'x', 12, 13)).toEqual(Uint8Array.of(3));
    });

    it('go as what they are of becomes whole, all others stay', async () => {
      await store.putBlob(url, a, Uint8Array.of(1, 2, 3), { pieces: range });
      expect(await store.pieces(url, { ...range, end: 100 })).toEqual([[20, 21]]);
      expect(await store.pieceBytes(url)).toBe(2);
      await store.commit(url, manifest('One', [a]));
      expect(await store.pieceBytes(url)).toBe(0);
      expect(await store.pieceBytes(`${url}other/`)).toBe(1);
    });

    it('go with the model, and with what was begun', async () => {
      await store.dropConversion(`${url}other/`);
      expect(await store.pieceBytes(`${url}other/`)).toBe(0);
      expect(await store.pieceBytes(url)).toBe(5);
      await store.delete(url);
      expect(await store.pieceBytes(url)).toBe(0);
    });

    it('stay where there is no room for their whole', async () => {
      const put = vi.spyOn(IDBObjectStore.prototype, 'put');
      // As often as the whole is tried.
      for (let attempt = 0; attempt < 2; attempt++) {
        put.mockImplementationOnce(() => {
          throw new DOMException('full', 'QuotaExceededError');
        });
      }
      await expect(
        store.putBlob(url, a, Uint8Array.of(1, 2, 3, 9, 9, 9, 9, 9, 9, 9), { pieces: range }),
      ).rejects.toMatchObject({ code: 'storage_full' });
      expect(await store.piece(url, 'x', 10, 12)).toEqual(Uint8Array.of(1, 2));
      expect(await store.piece(url, 'x', 12, 13)).toEqual(Uint8Array.of(3));
      expect(await store.pieceBytes(url)).toBe(5);
    });

    it('make room for their whole where both do not fit', async () => {
      vi.spyOn(IDBObjectStore.prototype, 'put').mockImplementationOnce(() => {
        throw new DOMException('full', 'QuotaExceededError');
      });
      await store.putBlob(url, a, Uint8Array.of(1, 2, 3), { pieces: range });
      expect(await store.blob(url, a)).toEqual(Uint8Array.of(1, 2, 3));
      expect(await store.pieceBytes(url)).toBe(2);
    });
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

  it('writes all at once or nothing, when what writes fails in the middle', async () => {
    const writing = writeAtOnce(store.database, async (transaction) => {
      await transaction.objectStore('blobs').put(new ArrayBuffer(4), [url, a]);
      throw new Error('in the middle');
    });
    await expect(writing).rejects.toThrow('in the middle');
    expect(await store.database.count('blobs')).toBe(0);
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
    expect(await listPackages(store.database)).toMatchObject([expected]);
    await store.putBlob(url, b, new Uint8Array(2));
    expect(await listPackages(store.database)).toMatchObject([{ ...expected, storedBytes: 18, complete: true }]);
  });

  it('deletes a package with all that belongs to it, and no other', async () => {
    const longer = `${url}other/`;
    for (const address of [url, longer]) {
      await store.putManifest(address, manifest(address, [a]));
      await store.putBlob(address, a, new Uint8Array(16));
    }
    await store.delete(url);
    expect((await listPackages(store.database)).map((one) => one.url)).toEqual([longer]);
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
    await expect(listPackages(store.database)).rejects.toMatchObject({ code: 'storage_unavailable' });
    vi.spyOn(indexedDB, 'open').mockImplementation(() => {
      throw new DOMException('denied', 'SecurityError');
    });
    await expect(PackageStore.open('denied')).rejects.toMatchObject({ code: 'storage_unavailable' });
  });
});
