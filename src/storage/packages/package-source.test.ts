import 'fake-indexeddb/auto';
import { createHash } from 'node:crypto';
import { deleteDB } from 'idb';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Manifest } from '../../weights/manifest.ts';
import type { Locks } from '../store/locks.ts';
import {
  openPackageBytes,
  openStoredPackage,
  type OrderedPackage,
  type StoredPackageOptions,
} from './package-source.ts';
import type { PackageProgress } from './progress.ts';
import { listPackages } from './package-list.ts';
import { PackageStore } from '../store/store.ts';
import { testClock } from '../../testing/servers/test-hub.ts';
import {
  type Fault,
  testPackage,
  type TestPackage,
  type TestServer,
  testServer,
} from '../../testing/servers/test-server.ts';

let built: TestPackage;
/** Of two shards, where that is enough: bytes take time. */
let pair: TestPackage;
let server: TestServer;
let store: PackageStore;
let databases = 0;

vi.setConfig({ testTimeout: 60_000 });

beforeAll(async () => {
  built = await testPackage([1, 2, 3]);
  pair = await testPackage([1, 2]);
}, 60_000);

beforeEach(async () => {
  server = await testServer(new Map(built.files));
  store = await PackageStore.open(`test-${++databases}`);
});

afterEach(async () => {
  vi.unstubAllGlobals();
  store.close();
  // Databases of tests are memory.
  await deleteDB(`test-${databases}`);
  await server.close();
});

afterAll(() => {
  built.files.clear();
});

const shards = ['shard-0000.bin', 'shard-0001.bin', 'shard-0002.bin'];

const open = (options: StoredPackageOptions = {}) =>
  openStoredPackage(server.url, { store, clock: testClock(), locks: null, ...options });

/** Loads everything, as an engine does, and compares each shard with the truth. */
async function loadAll(source: OrderedPackage<Manifest>, truth: TestPackage = built): Promise<void> {
  await source.file('tokenizer.json');
  for (let i = 0; i < source.manifest.shards.length; i++) {
    const entry = source.manifest.shards[i];
    expect(Buffer.compare(await source.shard(i), truth.files.get(entry?.file ?? '') ?? new Uint8Array())).toBe(0);
  }
}

const hashOf = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

const corrupt = (body: Uint8Array) => {
  const damaged = body.slice();
  damaged[1000] = (damaged[1000] as number) ^ 1;
  return damaged;
};
/** A fault of one file, at some attempts or at all. */
const faultOf =
  (
    file: string,
    attempts: number[] | 'always',
    answer: (body: Uint8Array, response: Parameters<Fault>[2]) => void,
  ): Fault =>
  (asked, body, response, attempt) => {
    if (asked !== file || (attempts !== 'always' && !attempts.includes(attempt))) return false;
    answer(body, response);
    return true;
  };
const answers = {
  'damaged bytes': (body: Uint8Array, response: Parameters<Fault>[2]) => response.end(corrupt(body)),
  'too few bytes': (body: Uint8Array, response: Parameters<Fault>[2]) => response.end(body.subarray(0, 5000)),
  'an empty body': (_: Uint8Array, response: Parameters<Fault>[2]) => response.end(),
  'a web page': (_: Uint8Array, response: Parameters<Fault>[2]) => {
    response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' });
    response.end('<!doctype html><title>Sign in</title>');
  },
  'status 404': (_: Uint8Array, response: Parameters<Fault>[2]) => response.writeHead(404).end('no'),
  'status 500': (_: Uint8Array, response: Parameters<Fault>[2]) => response.writeHead(500).end('no'),
  'a connection cut off': (body: Uint8Array, response: Parameters<Fault>[2]) => {
    response.writeHead(200, { 'content-length': String(body.length) });
    response.write(body.subarray(0, body.length / 2), () => response.destroy());
  },
};
const codes: Record<keyof typeof answers, string> = {
  'damaged bytes': 'shard_corrupt',
  'too few bytes': 'shard_corrupt',
  'an empty body': 'shard_corrupt',
  'a web page': 'network',
  'status 404': 'shard_corrupt',
  'status 500': 'network',
  'a connection cut off': 'network',
};

describe('openStoredPackage', () => {
  it('loads from the network once, then from the store alone', async () => {
    await loadAll(await open());
    expect(server.requests.toSorted()).toEqual(
      ['generation_config.json', 'manifest.json', ...shards, 'tokenizer.json'].toSorted(),
    );
    server.requests.length = 0;
    await loadAll(await open());
    expect(server.requests).toEqual(['manifest.json']);
    expect(await listPackages(store.database)).toMatchObject([
      { url: server.url, name: 'Test', scheme: 'f32', complete: true },
    ]);
  });

  it('works offline on the second visit, and gives every file', async () => {
    await loadAll(await open());
    await server.close();
    const source = await open();
    await loadAll(source);
    expect(new TextDecoder().decode(await source.file('generation_config.json'))).toBe('{}');
    expect(source.manifest).toEqual(built.manifest);
  });

  it('goes on with the stored manifest when the network does not answer, or answers with its own page', async () => {
    await loadAll(await open());
    server.fault = (file) => file === 'manifest.json';
    await loadAll(await open({ manifestTimeoutMs: 50 }));
    for (const answer of ['a web page', 'status 500', 'status 404', 'damaged bytes'] as const) {
      server.fault = faultOf('manifest.json', [3, 4, 5, 6], answers[answer]);
      if (answer === 'damaged bytes') server.fault = faultOf('manifest.json', [6], (_, response) => response.end('{'));
      await loadAll(await open());
    }
    expect(server.requests.filter((file) => file === 'manifest.json')).toHaveLength(6);
  });

  it('says what is wrong with a manifest where none is stored', async () => {
    server.fault = faultOf('manifest.json', [1], answers['a web page']);
    await expect(open()).rejects.toMatchObject({ code: 'manifest_invalid' });
    server.fault = faultOf('manifest.json', [2], answers['status 404']);
    await expect(open()).rejects.toMatchObject({ code: 'network' });
    server.fault = faultOf('manifest.json', [3], (_, response) => response.end('{"format":"bamba-web","version":2}'));
    await expect(open()).rejects.toMatchObject({ code: 'manifest_version' });
    server.fault = faultOf('manifest.json', 'always', answers['a connection cut off']);
    await expect(open()).rejects.toMatchObject({ code: 'network' });
    await server.close();
    await expect(open()).rejects.toMatchObject({ code: 'network' });
    await expect(openStoredPackage('no address', { store })).rejects.toMatchObject({ code: 'network' });
  });

  it('asks again for a manifest from a server that is busy', async () => {
    server.fault = faultOf('manifest.json', [1, 2], (_, response) =>
      response.writeHead(429, { 'retry-after': '3' }).end(),
    );
    const clock = testClock();
    await open({ clock });
    expect(clock.pauses).toEqual([3000, 3000]);
  });

  it('refuses a manifest without end', async () => {
    server.fault = faultOf('manifest.json', [1], (_, response) => {
      const spaces = Buffer.alloc(2 ** 20, 0x20);
      const more = () => {
        while (!response.destroyed && response.write(spaces));
      };
      response.on('drain', more);
      more();
    });
    await expect(open()).rejects.toMatchObject({ code: 'manifest_invalid' });
  });

  const kinds = Object.keys(answers) as (keyof typeof answers)[];

  it.each(kinds.filter((kind) => kind !== 'a web page'))(
    'fetches once more a shard that comes as %s',
    async (answer) => {
      server.files = new Map(pair.files);
      server.fault = faultOf('shard-0001.bin', [1], answers[answer]);
      const progress: PackageProgress[] = [];
      await loadAll(await open({ onProgress: (report) => progress.push(report) }), pair);
      expect(server.requests.filter((file) => file === 'shard-0001.bin')).toHaveLength(2);
      expect(progress.at(-1)).toMatchObject({ loaded: pair.manifest.stream.bytes, secondsLeft: 0 });
    },
  );

  describe.each(kinds)('a shard that comes as %s', (answer) => {
    it('is an error where that goes on, and leaves the others stored', async () => {
      server.files = new Map(pair.files);
      server.fault = faultOf('shard-0001.bin', 'always', answers[answer]);
      const source = await open();
      await source.shard(0);
      await expect(source.shard(1).then(hashOf)).rejects.toMatchObject({ code: codes[answer] });
      server.requests.length = 0;
      server.fault = () => false;
      await loadAll(await open(), pair);
      expect(server.requests).not.toContain('shard-0000.bin');
      expect(server.requests.filter((file) => file === 'shard-0001.bin')).toHaveLength(1);
    });
  });

  it('heals a stored shard that is damaged, alone', async () => {
    await loadAll(await open());
    const entry = built.manifest.shards[1];
    const bytes = built.files.get('shard-0001.bin') as Uint8Array;
    const sha256 = entry?.sha256 ?? '';
    await store.putBlob(server.url, sha256, corrupt(bytes));
    server.requests.length = 0;
    await loadAll(await open());
    expect(server.requests).toEqual(['manifest.json', 'shard-0001.bin']);
    const healed = (await store.blob(server.url, sha256)) ?? new Uint8Array();
    expect(Buffer.compare(healed, bytes)).toBe(0);
  });

  it('takes up where it was aborted', async () => {
    const abort = new AbortController();
    const source = await open({ signal: abort.signal });
    await source.shard(0);
    abort.abort();
    await expect(source.shard(1)).rejects.toMatchObject({ code: 'aborted' });
    await expect(open({ signal: abort.signal })).rejects.toMatchObject({ code: 'aborted' });
    server.requests.length = 0;
    await loadAll(await open());
    expect(server.requests).not.toContain('shard-0000.bin');
  });

  it('stops waiting for a shard as soon as its own signal says so', async () => {
    server.fault = (file) => file === 'shard-0001.bin';
    const source = await open();
    await source.shard(0);
    const abort = new AbortController();
    const waiting = source.shard(1, abort.signal);
    setTimeout(() => abort.abort(), 20);
    await expect(waiting).rejects.toMatchObject({ code: 'aborted' });
  });

  it('keeps unchanged shards of an older version, and drops the others only when the new one is whole', async () => {
    await loadAll(await open());
    const before = await store.blobSizes(server.url);
    const newer = await testPackage([1, 9, 3]);
    server.files = new Map(newer.files);
    server.requests.length = 0;

    server.fault = faultOf('shard-0001.bin', 'always', answers['status 500']);
    const broken = await open();
    await broken.shard(0);
    await expect(broken.shard(1)).rejects.toMatchObject({ code: 'network' });
    // Broken off: the older one still works without a network.
    const down = { fetch: async () => Promise.reject(new TypeError('offline')) };
    await loadAll(await open(down));

    server.fault = () => false;
    server.requests.length = 0;
    await loadAll(await open(), newer);
    expect(server.requests).toEqual(['manifest.json', 'shard-0001.bin']);
    const after = await store.blobSizes(server.url);
    expect(after.size).toBe(before.size);
    await loadAll(await open(down), newer);
  }, 30_000);

  it('holds at most the shard asked for and the next', async () => {
    const source = await open();
    expect(server.requests).toEqual(['manifest.json']);
    await source.shard(0);
    await vi.waitFor(() => expect(server.requests).toContain('shard-0001.bin'));
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(server.requests).not.toContain('shard-0002.bin');
  });

  it('gives shards in any order, and again', async () => {
    const progress: PackageProgress[] = [];
    const source = await open({ onProgress: (report) => progress.push(report) });
    for (const index of [2, 0, 1, 1, 2]) {
      const truth = built.files.get(shards[index] ?? '') ?? new Uint8Array();
      expect(Buffer.compare(await source.shard(index), truth)).toBe(0);
    }
    expect(Math.max(...progress.map(({ loaded }) => loaded))).toBe(built.manifest.stream.bytes);
    await expect(source.shard(3)).rejects.toThrow(RangeError);
  });

  it('reports bytes, source, speed and time left', async () => {
    const reports: PackageProgress[] = [];
    await loadAll(await open({ onProgress: (report) => reports.push(report) }));
    expect(reports.length).toBeGreaterThan(0);
    for (const report of reports) {
      expect(report.total).toBe(built.manifest.stream.bytes);
      expect(report.source).toBe('network');
    }
    expect(reports.at(-1)).toMatchObject({ loaded: built.manifest.stream.bytes, secondsLeft: 0 });
    expect(reports.at(-1)?.bytesPerSecond).toBeGreaterThan(0);
    reports.length = 0;
    await loadAll(await open({ onProgress: (report) => reports.push(report) }));
    expect(reports.at(-1)).toMatchObject({ loaded: built.manifest.stream.bytes, source: 'storage' });
  });

  it('lets the second of two tabs wait for the first, and read what it stored', async () => {
    const locks = oneAtATime();
    const [first, second] = await Promise.all([open({ locks }), open({ locks })]);
    await Promise.all([loadAll(first), loadAll(second)]);
    for (const shard of shards) expect(server.requests.filter((file) => file === shard)).toHaveLength(1);
  });

  it('stops waiting for the other tab when it is aborted', async () => {
    const locks = oneAtATime();
    server.fault = (file) => file === 'shard-0000.bin';
    const first = await open({ locks });
    const abort = new AbortController();
    const second = await open({ locks, signal: abort.signal });
    first.shard(0).catch(() => {});
    await vi.waitFor(() => expect(server.requests).toContain('shard-0000.bin'));
    const waiting = second.shard(0);
    setTimeout(() => abort.abort(), 20);
    await expect(waiting).rejects.toMatchObject({ code: 'aborted' });
  });

  it('loads from the network alone without a store, or where IndexedDB is denied', async () => {
    await loadAll(await open({ store: null }));
    vi.stubGlobal('indexedDB', undefined);
    await expect(PackageStore.open()).rejects.toMatchObject({ code: 'storage_unavailable' });
    server.requests.length = 0;
    await loadAll(await openStoredPackage(server.url, { locks: null }));
    expect(server.requests).toContain('shard-0002.bin');
  });

  it('goes on from the network when the database closes under it', async () => {
    const source = await open();
    await source.shard(0);
    store.close();
    await loadAll(source);
  });

  it('asks for persistence, and refuses before any download what cannot fit, with what is missing', async () => {
    const persist = vi.fn(async () => true);
    const estimate = vi.fn(async () => ({ quota: 50e6, usage: 20e6 }));
    vi.stubGlobal('navigator', { storage: { persist, estimate } });
    const missing = built.manifest.stream.bytes + 15 - 30e6; // 15: the text files
    await expect(open()).rejects.toMatchObject({
      code: 'storage_full',
      message: expect.stringContaining(`${(missing / 1e6).toFixed(1)} MB`) as string,
    });
    expect(persist).toHaveBeenCalledOnce();
    expect(server.requests).toEqual(['manifest.json']);
    estimate.mockResolvedValue({ quota: 500e6, usage: 20e6 });
    await loadAll(await open());
    // Stored parts need no room.
    estimate.mockResolvedValue({ quota: 50e6, usage: 49e6 });
    await loadAll(await open());
    expect(persist).toHaveBeenCalledTimes(2);
  });

  it('says storage_full where the browser refuses a write', async () => {
    const source = await open();
    vi.spyOn(store, 'putBlob').mockImplementation(async (_, __, bytes) => {
      const { storageFull } = await import('../store/storage-faults.ts');
      throw await storageFull(bytes.length);
    });
    await expect(source.shard(0)).rejects.toMatchObject({ code: 'storage_full' });
  });

  it('knows a package by its folder, however it is written', async () => {
    await loadAll(await openStoredPackage(server.url.slice(0, -1), { store, locks: null }));
    server.requests.length = 0;
    await loadAll(await openStoredPackage(`${server.url}manifest.json?x=1#y`, { store, locks: null }));
    expect(server.requests).toEqual(['manifest.json']);
  });

  it('names a file that the package does not have', async () => {
    const source = await open();
    await expect(source.file('chat_template.jinja')).rejects.toMatchObject({ code: 'config_invalid' });
  });
});

describe('openPackageBytes', () => {
  it('verifies what it reads', async () => {
    const read = async (file: string) => built.files.get(file) as Uint8Array<ArrayBuffer>;
    await loadAll(openPackageBytes(built.manifest, read));
    const damaged = openPackageBytes(built.manifest, async (file) => corrupt(await read(file)));
    await expect(damaged.shard(0)).rejects.toMatchObject({ code: 'shard_corrupt' });
    const short = openPackageBytes(built.manifest, async (file) => (await read(file)).slice(1));
    await expect(short.file('tokenizer.json')).rejects.toMatchObject({ code: 'shard_corrupt' });
  });
});

/** Locks as a browser has them: one holder of a name at a time, an aborted request leaves the queue. */
function oneAtATime(): Locks {
  const queues = new Map<string, Promise<unknown>>();
  return {
    async request(name, { signal }, work) {
      const before = queues.get(name) ?? Promise.resolve();
      let release = () => {};
      queues.set(name, Promise.all([before, new Promise<void>((resolve) => (release = resolve))]));
      try {
        await new Promise<unknown>((resolve, reject) => {
          signal?.addEventListener('abort', () => reject(new DOMException('aborted', 'AbortError')));
          before.then(resolve, resolve);
        });
        return await work({});
      } finally {
        release();
      }
    },
  };
}
