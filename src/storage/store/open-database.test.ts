import 'fake-indexeddb/auto';
import { openDB } from 'idb';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { openDatabase } from './database.ts';
import { guard } from './storage-faults.ts';
import { PackageStore } from './store.ts';
import { readTuning, writeTuning } from './tuning-store.ts';

// A database that another tab holds, or that does not answer: each wait ends, and says what to do.

const NEVER = new Promise<never>(() => {});
const heldByAnother = {
  name: 'BambaError',
  code: 'storage_unavailable',
  message: expect.stringMatching(/another tab of this site holds it.* then load again\.$/) as string,
};

let databases = 0;
const nextName = () => `open-test-${databases++}`;

/** A tab with an old version of the page, which lets go of nothing. */
async function oldTab(name: string): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(name, 1);
    request.addEventListener('upgradeneeded', () => {
      request.result.createObjectStore('packages', { keyPath: 'url' });
      request.result.createObjectStore('blobs');
      request.result.createObjectStore('blobSizes');
    });
    request.addEventListener('success', () => resolve(request.result));
    request.addEventListener('error', () => reject(request.error as Error));
  });
}

afterEach(() => vi.restoreAllMocks());

describe('opening a database', () => {
  it('ends where another tab holds it, and works once that lets go', async () => {
    const name = nextName();
    const other = await oldTab(name);
    await expect(openDatabase(name, { blockedFor: 20 })).rejects.toMatchObject(heldByAnother);
    other.close();
    const opened = await openDatabase(name);
    expect([...opened.objectStoreNames]).toContain('pieces');
    opened.close();
  });

  it('goes on where the other tab lets go in time', async () => {
    const name = nextName();
    const other = await oldTab(name);
    setTimeout(() => other.close(), 20);
    const opened = await openDatabase(name);
    opened.close();
  });

  it('holds up nobody with a connection that came too late', async () => {
    const name = nextName();
    const other = await oldTab(name);
    await expect(openDatabase(name, { blockedFor: 20 })).rejects.toMatchObject(heldByAnother);
    other.close();
    // Of a newer version, and blind to who has to let go for it.
    const newer = await openDB(name, 1000);
    newer.close();
  });

  it('ends where the browser does not answer', async () => {
    vi.spyOn(indexedDB, 'open').mockReturnValue(new IDBOpenDBRequest());
    await expect(openDatabase(nextName(), { within: 20 })).rejects.toMatchObject(heldByAnother);
  });

  it('ends when it is aborted', async () => {
    vi.spyOn(indexedDB, 'open').mockReturnValue(new IDBOpenDBRequest());
    const controller = new AbortController();
    const opening = openDatabase(nextName(), { signal: controller.signal });
    controller.abort();
    await expect(opening).rejects.toMatchObject({ code: 'aborted' });
  });

  it('says to reload a page that is older than the database', async () => {
    const name = nextName();
    (await openDB(name, 1000)).close();
    await expect(openDatabase(name)).rejects.toMatchObject({
      code: 'storage_unavailable',
      message: expect.stringContaining('reload the page') as string,
    });
  });
});

describe('a database that is open', () => {
  it('lets go as soon as another tab wants a newer version, and says so from then on', async () => {
    const name = nextName();
    const store = await PackageStore.open(name);
    const newer = await openDB(name, 1000);
    newer.close();
    await expect(store.manifest('https://example.org/')).rejects.toMatchObject({
      code: 'storage_unavailable',
      message: expect.stringContaining('reload the page') as string,
    });
  });

  it('is waited for no longer than it may take', async () => {
    await expect(guard(() => NEVER, 0, 20)).rejects.toMatchObject(heldByAnother);
  });

  it('may fail after that, of which nobody hears', async () => {
    let fail = (_error: Error): void => {};
    const late = new Promise<never>((_, reject) => {
      fail = reject;
    });
    await expect(guard(() => late, 0, 20)).rejects.toMatchObject(heldByAnother);
    // Vitest fails a file with a rejection that nobody handles.
    fail(new Error('late'));
    await new Promise((resolve) => {
      setTimeout(resolve);
    });
  });
});

describe('what was measured on an adapter', () => {
  it('is done without where its database does not open', async () => {
    await writeTuning('adapter', { chunkTokens: 256 });
    expect(await readTuning('adapter')).toEqual({ chunkTokens: 256 });
    vi.spyOn(indexedDB, 'open').mockReturnValue(new IDBOpenDBRequest());
    expect(await readTuning('adapter')).toBeUndefined();
    await expect(writeTuning('adapter', {})).rejects.toMatchObject({ code: 'storage_unavailable' });
  });
});
