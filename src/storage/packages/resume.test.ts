import 'fake-indexeddb/auto';
import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { deleteDB } from 'idb';
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { parseConfig } from '../../architecture/config.ts';
import { memorySource } from '../../weights/byte-source.ts';
import { Checkpoint } from '../../weights/checkpoint.ts';
import { writePackage } from '../../weights/package-writer.ts';
import { PIECE_BYTES } from '../../weights/pieces.ts';
import { times } from '../../testing/extent.ts';
import { configFile, f8Tensors, LLAMA } from '../../testing/checkpoints/f8-checkpoint.ts';
import { safetensorsBytes } from '../../testing/checkpoints/test-checkpoint.ts';
import { openConverted } from './convert.ts';
import type { Fetch } from '../remote/fetch.ts';
import { HubFiles } from '../remote/hub.ts';
import { openStoredPackage, type PackageSource } from './package-source.ts';
import { storageFull } from '../store/storage-faults.ts';
import { listPackages } from './package-list.ts';
import { PackageStore } from '../store/store.ts';
import { serveHub, TestHub, testClock } from '../../testing/servers/test-hub.ts';
import { TestLine } from '../../testing/servers/test-line.ts';
import { testPackage, type TestPackage, type TestServer, testServer } from '../../testing/servers/test-server.ts';

vi.setConfig({ testTimeout: 240_000 });

const hashOf = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
const text = (value: string) => new TextEncoder().encode(value);

let store: PackageStore;
let database: string;
let databases = 0;

async function freshStore(): Promise<void> {
  store?.close();
  if (database) await deleteDB(database);
  database = `resume-${++databases}`;
  store = await PackageStore.open(database);
}

/** Loads all of a package, as an engine does; returns its hashes. */
type Load = (fetch?: Fetch) => Promise<string[]>;

async function loadAll(source: PackageSource): Promise<string[]> {
  const hashes = [hashOf(await source.file('tokenizer.json'))];
  for (let index = 0; index < source.manifest.shards.length; index++) hashes.push(hashOf(await source.shard(index)));
  return hashes;
}

/** Whether a visit came to its end. After one that did not, the next has a database connection of its own. */
async function visit(load: Load, line: TestLine): Promise<boolean> {
  const loading = load(line.fetch).then(
    () => true,
    (error: unknown) => {
      expect(error).toMatchObject({ code: 'network' });
      return false;
    },
  );
  const whole = await Promise.race([loading, line.closed.then(() => false)]);
  if (!whole) {
    store.close();
    store = await PackageStore.open(database);
  }
  return whole;
}

const ends = fc.array(
  fc.record({ after: fc.integer({ min: 50_000, max: 6_000_000 }), end: fc.constantFrom('lost', 'closed') }),
  {
    minLength: 1,
    maxLength: 7,
  },
);

/**
 * Ends visits at any byte: what came in all is one download, and for each end what was not kept yet.
 * @param perEnd bytes that are read again after an end of each kind
 */
async function expectResumed(load: Load, id: () => string, perEnd: { lost: number; closed: number }): Promise<void> {
  await freshStore();
  const truth = await load();
  await freshStore();
  const line = new TestLine();
  await load(line.fetch);
  const whole = line.received;
  await fc.assert(
    fc.asyncProperty(ends, async (cuts) => {
      await freshStore();
      let [received, allowed] = [0, whole];
      for (const { after, end } of cuts) {
        const cut = new TestLine(after, end);
        const ended = await visit(load, cut);
        received += cut.received;
        if (ended) break;
        allowed += perEnd[end];
        expect(received).toBeLessThanOrEqual(allowed);
        const [model] = await listPackages(store.database);
        expect(model?.complete ?? false).toBe(false);
      }
      const last = new TestLine();
      expect(await load(last.fetch)).toEqual(truth);
      expect(received + last.received).toBeLessThanOrEqual(allowed);
      expect(await listPackages(store.database)).toMatchObject([{ complete: true }]);
      expect(await store.pieceBytes(id())).toBe(0);
      expect(await load(async () => Promise.reject(new TypeError('offline')))).toEqual(truth);
    }),
    { numRuns: times(8, 3) },
  );
}

afterEach(() => {
  vi.restoreAllMocks();
});

describe('a package from a server', () => {
  let built: TestPackage;
  let server: TestServer;

  beforeAll(async () => {
    built = await testPackage([1, 2]);
  });
  beforeEach(async () => {
    server = await testServer(new Map(built.files));
    await freshStore();
  });
  afterEach(() => server.close());

  const load: Load = async (fetch) =>
    loadAll(await openStoredPackage(server.url, { store, locks: null, clock: testClock(), ...(fetch && { fetch }) }));
  const shard = () => built.manifest.shards[0]!;

  /** Brings some of the first shard. */
  async function begin(bytes = 5_000_000): Promise<void> {
    await visit(load, new TestLine(bytes));
    server.requests.length = 0;
  }

  it('goes on at any byte where it stopped', async () => {
    const manifest = built.files.get('manifest.json')!.length;
    await expectResumed(load, () => server.url, {
      lost: manifest + PIECE_BYTES,
      closed: manifest + 2 * PIECE_BYTES + 65_536,
    });
  });

  it('counts pieces as stored, and deletes them with the model', async () => {
    await begin();
    const [model] = await listPackages(store.database);
    expect(model).toMatchObject({ complete: false });
    expect(model?.storedBytes).toBeGreaterThan(3_900_000);
    await store.delete(server.url);
    expect(await store.pieceBytes(server.url)).toBe(0);
  });

  it.each<[string, (first: number, body: Uint8Array) => [number, Record<string, string>, Uint8Array]]>([
    ['knows no ranges', (_, body) => [200, {}, body]],
    [
      'sends another range',
      (first, body) => [206, { 'content-range': `bytes 0-9/${body.length}` }, body.subarray(first)],
    ],
    ['has no such range', () => [416, {}, new Uint8Array()]],
  ])('takes the whole from a server that %s', async (_, answer) => {
    await begin();
    server.fault = (file, body, response, __, { headers }) => {
      const first = Number(/^bytes=(\d+)-/.exec(headers.range ?? '')?.[1]);
      if (file !== shard().file || first === 0) return false;
      const [status, head, bytes] = answer(first, body);
      response.writeHead(status, head).end(bytes);
      return true;
    };
    const line = new TestLine();
    expect((await load(line.fetch))[1]).toBe(shard().sha256);
    expect(line.received).toBeLessThan(built.manifest.stream.bytes * 1.5 + 20e6);
    expect(server.requests.filter((file) => file === shard().file).length).toBeLessThanOrEqual(2);
  });

  it('drops pieces of other bytes, and fetches the shard anew, once', async () => {
    await begin();
    const of = shard().sha256;
    const [[first, end] = [0, 0]] = await store.pieces(server.url, { of, begin: 0, end: 1 });
    await store.putPieces(server.url, of, [{ begin: first, bytes: new Uint8Array(end - first).fill(7) }]);
    expect((await load())[1]).toBe(of);
    expect(server.requests.filter((file) => file === shard().file)).toHaveLength(2);

    await freshStore();
    await begin();
    server.files.set(shard().file, built.files.get(shard().file)!.toReversed());
    await expect(load()).rejects.toMatchObject({ code: 'shard_corrupt' });
    expect(server.requests.filter((file) => file === shard().file)).toHaveLength(2);
    expect(await store.pieces(server.url, { of, begin: 0, end: shard().bytes })).toEqual([]);
  });

  it('waits as long as a busy server asks, and says so', async () => {
    const clock = testClock();
    const waits: string[] = [];
    server.fault = (file, _, response, attempt) => {
      if (file !== shard().file || attempt > 2) return false;
      response.writeHead(attempt === 1 ? 429 : 503, attempt === 1 ? { 'retry-after': '7' } : {}).end();
      return true;
    };
    const options = { store, locks: null, clock, onWait: (message: string) => waits.push(message) };
    await loadAll(await openStoredPackage(server.url, options));
    expect(clock.pauses).toEqual([7000, 1000]);
    expect(waits[0]).toMatch(/answered with status 429\. Trying again in 7 s\./);
  });

  it('gives up on a server that falls silent, and keeps what it sent', async () => {
    const line = new TestLine();
    const sent = 3_000_000;
    let asked = 0;
    const fetch: Fetch = (url, init) => {
      if (!url.pathname.endsWith(shard().file)) return globalThis.fetch(url, init);
      asked++;
      return line.fetch(url, init);
    };
    const silent = () => asked > 0 && line.received >= sent * asked;
    // Half a minute has passed when all has come.
    const sleep = async (ms: number, signal?: AbortSignal) => {
      const turn = () => new Promise((resolve) => setImmediate(resolve));
      const waits = () => ms === 30_000 && !signal?.aborted && !silent();
      while (waits()) await turn();
      await turn();
    };
    server.fault = (file, body, response) => {
      if (file !== shard().file) return false;
      response.writeHead(200, { 'content-length': String(body.length) });
      response.write(body.subarray(0, sent));
      return true;
    };
    const clock = { ...testClock(), sleep };
    const source = await openStoredPackage(server.url, { store, locks: null, clock, fetch });
    await expect(source.shard(0)).rejects.toMatchObject({
      code: 'network',
      message: expect.stringMatching(/does not answer\. Load again to go on\./) as string,
    });
    expect(await store.pieceBytes(server.url)).toBe(2 * PIECE_BYTES);
  });

  it('says at once that the disk is full, keeps what it has, and goes on when there is room', async () => {
    const put = store.putPieces.bind(store);
    let writes = 0;
    vi.spyOn(store, 'putPieces').mockImplementation(async (...pieces) => {
      if (++writes > 3) throw await storageFull(PIECE_BYTES);
      await put(...pieces);
    });
    await expect(load()).rejects.toMatchObject({
      code: 'storage_full',
      // All that is missing of the package, not of the piece.
      message: expect.stringMatching(/lacks 17\.0 MB.*what is here already is kept/) as string,
    });
    vi.restoreAllMocks();
    const line = new TestLine();
    expect((await load(line.fetch))[1]).toBe(shard().sha256);
    expect(line.received).toBeLessThan(built.manifest.stream.bytes - 3 * PIECE_BYTES + 100_000);
  });
});

describe('a checkpoint', () => {
  // 4.5 MB in F8 become 18 MB in f32: two shards.
  const tokenizer = text(JSON.stringify({ model: {}, padding: 'x'.repeat(1_500_000) }));
  let hub: TestHub;
  let server: Awaited<ReturnType<typeof serveHub>>;

  beforeAll(() => {
    hub = new TestHub(
      new Map([
        ['config.json', configFile(LLAMA)],
        ['model.safetensors', safetensorsBytes(f8Tensors(LLAMA, 1))],
        ['tokenizer.json', tokenizer],
      ]),
    );
  });
  beforeEach(async () => {
    server = await serveHub(hub);
    hub.requests.length = 0;
    await freshStore();
  });
  afterEach(() => server.close());

  const load: Load = async (fetch) => {
    const clock = testClock();
    const files = new HubFiles(
      { repo: 'org/name', revision: 'main', endpoint: server.endpoint },
      { clock, ...(fetch && { fetch }) },
    );
    const from = { model: 'org/name' };
    const none = () => {};
    const source = await openConverted(
      { id: 'org/name#f32', name: 'name', scheme: 'f32', files, from },
      { store, locks: null, signal: undefined, onProgress: none, onWaiting: none, onMessage: none },
    );
    try {
      return await loadAll(source);
    } finally {
      source.close();
    }
  };

  it('goes on at any byte where it stopped, to the package that the command line makes', async () => {
    const checkpoint = await Checkpoint.open(memorySource(Object.fromEntries(hub.files)));
    const sink = { write: async () => {} };
    const { architecture, tensors: specs } = parseConfig(configFile(LLAMA));
    const manifest = await writePackage({ checkpoint, specs, scheme: 'f32', name: 'name', architecture, sink });
    expect((await load()).slice(1)).toEqual(manifest.shards.map(({ sha256 }) => sha256));
    // Headers, blocks that small reads fill, and what is read and not made yet; or a piece of a text file.
    const read = 4 * 128 * 1024 + 2 ** 19;
    await expectResumed(load, () => 'org/name#f32', { lost: read + PIECE_BYTES, closed: read + 2 * PIECE_BYTES });
  });

  it('brings a text file once, whatever ends the visit', async () => {
    await visit(load, new TestLine(2_500_000));
    await visit(load, new TestLine(1_000_000));
    expect(hub.requests.filter((asked) => asked.startsWith('tokenizer.json'))).toHaveLength(1);
    expect(await store.conversion('org/name#f32')).toMatchObject({
      texts: { 'tokenizer.json': { entry: { sha256: hashOf(tokenizer) } } },
    });
    await visit(load, new TestLine());
    expect(await store.conversion('org/name#f32')).toBeNull();
  });

  it('makes anew what was kept and is damaged', async () => {
    const truth = await load();
    await freshStore();
    await visit(load, new TestLine(4_000_000));
    const { origin } = (await store.conversion('org/name#f32'))!;
    const range = { of: origin.identity, begin: 0, end: Infinity };
    const pieces = await store.pieces('org/name#f32', range);
    expect(pieces.length).toBeGreaterThan(1);
    vi.spyOn(store, 'piece').mockResolvedValueOnce(null);
    expect(await load()).toEqual(truth);
  });
});
