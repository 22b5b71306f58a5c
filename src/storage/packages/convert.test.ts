import 'fake-indexeddb/auto';
import { deleteDB } from 'idb';
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { parseConfig } from '../../architecture/config.ts';
import { BambaError } from '../../errors.ts';
import { memorySource } from '../../weights/byte-source.ts';
import { Checkpoint } from '../../weights/checkpoint.ts';
import type { Manifest } from '../../weights/manifest.ts';
import { writePackage } from '../../weights/package-writer.ts';
import { times } from '../../testing/extent.ts';
import { configFile, f8Tensors, LLAMA } from '../../testing/checkpoints/f8-checkpoint.ts';
import { safetensorsBytes } from '../../testing/checkpoints/test-checkpoint.ts';
import { type ConversionOptions, type ConvertedSource, openConverted } from './convert.ts';
import { DiskFiles } from '../remote/disk-files.ts';
import { HubFiles } from '../remote/hub.ts';
import type { Locks } from '../store/locks.ts';
import type { ConversionRequest } from './open-checkpoint.ts';
import type { PackageProgress } from './progress.ts';
import { listPackages } from './package-list.ts';
import { PackageStore } from '../store/store.ts';
import { serveHub, TestHub, testClock } from '../../testing/servers/test-hub.ts';

vi.setConfig({ testTimeout: 60_000 });

// 4.5 MB in F8 become 18 MB in f32: two shards, the first of which ends amid interleaved rows.
const weights = (seed: number) => safetensorsBytes(f8Tensors(LLAMA, seed));

const text = (value: string) => new TextEncoder().encode(value);
const first = weights(1);
const second = weights(2);
const filesOf = (model: Uint8Array) =>
  new Map([
    ['config.json', configFile(LLAMA)],
    ['model.safetensors', model],
    ['tokenizer.json', text('{"model": {}}')],
    ['README.md', text('# Read me')],
  ]);

/** The package that the command line makes of the same checkpoint. */
let truth: Manifest;
let hub: TestHub;
let server: Awaited<ReturnType<typeof serveHub>>;
let store: PackageStore;
let messages: string[];
let databases = 0;

beforeAll(async () => {
  truth = await packageOf(first);
});
beforeEach(async () => {
  hub = new TestHub(filesOf(first));
  server = await serveHub(hub);
  await freshStore();
  messages = [];
});
afterEach(async () => {
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
  await server.close();
  store.close();
  await deleteDB(`convert-${databases}`);
});

async function freshStore(): Promise<void> {
  if (databases > 0) {
    store.close();
    await deleteDB(`convert-${databases}`);
  }
  store = await PackageStore.open(`convert-${++databases}`);
}

async function packageOf(model: Uint8Array): Promise<Manifest> {
  const checkpoint = await Checkpoint.open(memorySource(Object.fromEntries(filesOf(model))));
  const sink = { write: async () => {} };
  const { architecture, tensors: specs } = parseConfig(configFile(LLAMA));
  return writePackage({ checkpoint, specs, scheme: 'f32', name: 'name', architecture, sink });
}

const clock = testClock();
const hubFiles = (token?: string) =>
  new HubFiles({ repo: 'org/name', revision: 'main', endpoint: server.endpoint }, { clock, ...(token && { token }) });

function open(
  options: Partial<ConversionOptions> = {},
  request: Partial<ConversionRequest> = {},
): Promise<ConvertedSource> {
  const made: ConversionRequest = {
    id: 'org/name#f32',
    name: 'name',
    scheme: 'f32',
    files: hubFiles(),
    from: { model: 'org/name' },
    repo: 'org/name',
    ...request,
  };
  return openConverted(made, {
    store,
    locks: null,
    signal: undefined,
    onProgress: () => {},
    onWaiting: () => {},
    onMessage: (message) => messages.push(message),
    ...options,
  });
}

/** Loads everything, as an engine does; returns the hashes of what came. */
async function load(source: ConvertedSource): Promise<string[]> {
  const hashes: string[] = [];
  try {
    if (source.manifest.files['tokenizer.json']) await source.file('tokenizer.json');
    for (let index = 0; index < source.manifest.shards.length; index++) {
      hashes.push(Buffer.from(await crypto.subtle.digest('SHA-256', await source.shard(index))).toString('hex'));
    }
  } finally {
    source.close();
  }
  return hashes;
}

const hashesOf = ({ shards }: Manifest) => shards.map(({ sha256 }) => sha256);
const weightRequests = () => hub.requests.filter((asked) => asked.startsWith('model.safetensors'));

describe('openConverted', () => {
  it('makes the package that the command line makes, and needs no network afterwards', async () => {
    const progress: PackageProgress[] = [];
    const source = await open({ onProgress: (one) => progress.push(one) });
    expect(source.manifest.source).toEqual({ repo: 'org/name', revision: hub.commit });
    expect(await load(source)).toEqual(hashesOf(truth));
    const bytes = Object.values(f8Tensors(LLAMA, 1)).reduce((sum, { data }) => sum + data.length, 0);
    expect(progress.at(-1)).toMatchObject({ loaded: bytes, total: bytes, source: 'network' });
    expect(await store.manifest('org/name#f32')).toEqual({ ...truth, source: source.manifest.source });
    expect(await store.conversion('org/name#f32')).toBeNull();
    expect(await listPackages(store.database)).toMatchObject([
      { name: 'name', complete: true, commit: hub.commit, origin: { model: 'org/name' } },
    ]);

    hub.requests.length = 0;
    expect(await load(await open())).toEqual(hashesOf(truth));
    expect(hub.requests).toEqual(['listing']);
    await server.close();
    expect(await load(await open())).toEqual(hashesOf(truth));
    expect(await load(await open({}, { files: null }))).toEqual(hashesOf(truth));
  });

  it('keeps the end ids of config.json in the package', async () => {
    const stopIds = [2, 7];
    hub.files.set('config.json', configFile({ ...LLAMA, eos_token_id: stopIds }));
    const source = await open();
    expect(source.manifest.stopIds).toEqual(stopIds);
    await load(source);
    expect(await store.manifest('org/name#f32')).toMatchObject({ stopIds });
    expect((await open({}, { files: null })).manifest.stopIds).toEqual(stopIds);
  });

  it('continues where it was cut off, at different points, to the identical package', async () => {
    await load(await open());
    const whole = hub.sent;
    const cuts = times(10, 4);
    for (let cut = 0; cut < cuts; cut++) {
      await freshStore();
      hub.allowance = Math.floor((whole * (2 * cut + 1)) / (2 * cuts));
      await expect(open().then(load)).rejects.toMatchObject({ code: 'network' });
      const kept = (await listPackages(store.database))[0]?.storedBytes ?? 0;
      hub.allowance = Infinity;
      hub.sent = 0;
      expect(await load(await open())).toEqual(hashesOf(truth));
      // Of what was stored nothing is fetched again, beside headers, text files and what lies in the same block.
      expect(hub.sent).toBeLessThan(kept > 16e6 ? 2.5e6 : whole + 1e6);
      expect(await store.manifest('org/name#f32')).toMatchObject({ shards: truth.shards, tensors: truth.tensors });
    }
  });

  it('continues after a full disk', async () => {
    const put = store.putBlob.bind(store);
    let writes = 0;
    vi.spyOn(store, 'putBlob').mockImplementation((...blob) =>
      ++writes === 3 ? Promise.reject(new BambaError('storage_full', 'full')) : put(...blob),
    );
    await expect(open().then(load)).rejects.toMatchObject({ code: 'storage_full' });
    hub.requests.length = 0;
    expect(await load(await open())).toEqual(hashesOf(truth));
    // The tokenizer and the first shard were stored.
    const [begin] = (weightRequests().find((asked) => !asked.includes(' 0-')) ?? '').match(/\d+(?=-)/) ?? [];
    expect(Number(begin)).toBeGreaterThan(3e6);
  });

  it('makes a damaged shard again, and no other', async () => {
    await load(await open());
    const damaged = truth.shards[1]!;
    await store.putBlob('org/name#f32', damaged.sha256, new Uint8Array(damaged.bytes));
    hub.requests.length = 0;
    hub.sent = 0;
    expect(await load(await open())).toEqual(hashesOf(truth));
    expect(hub.sent).toBeLessThan(2.2e6);
    hub.requests.length = 0;
    expect(await load(await open())).toEqual(hashesOf(truth));
    expect(weightRequests()).toEqual([]);
  });

  it('makes what the browser evicted again', async () => {
    await load(await open());
    for (const { sha256 } of truth.shards.slice(1)) await store.deleteBlob('org/name#f32', sha256);
    expect((await listPackages(store.database))[0]).toMatchObject({ complete: false });
    expect(await load(await open())).toEqual(hashesOf(truth));
    await freshStore();
    expect(await load(await open())).toEqual(hashesOf(truth));
  });

  it('takes over what a new commit left as it was', async () => {
    await load(await open());
    hub.commit = 'f'.repeat(40);
    hub.files = new Map([...filesOf(first), ['tokenizer.json', text('{"model": {"new": 1}}')]]);
    hub.requests.length = 0;
    const source = await open();
    expect(new TextDecoder().decode(await source.file('tokenizer.json'))).toContain('new');
    expect(await load(source)).toEqual(hashesOf(truth));
    expect(weightRequests().every((asked) => asked.startsWith('model.safetensors 0-'))).toBe(true);
    expect((await listPackages(store.database))[0]).toMatchObject({ complete: true, commit: 'f'.repeat(40) });
  });

  it('loads a new version, and keeps the old one until it is whole', async () => {
    await load(await open());
    hub.commit = 'f'.repeat(40);
    hub.files = filesOf(second);
    hub.allowance = 2e6;
    await expect(open().then(load)).rejects.toMatchObject({ code: 'network' });
    expect(messages).toEqual([expect.stringMatching(/new version of name/)]);
    // Without a network the old one is there.
    expect(await load(await open())).toEqual(hashesOf(truth));
    hub.allowance = Infinity;
    const expected = hashesOf(await packageOf(second));
    expect(await load(await open())).toEqual(expected);
    expect((await store.blobSizes('org/name#f32')).size).toBe(3);
  });

  it('begins anew, and says so, where the files changed between two visits', async () => {
    hub.allowance = 4.4e6;
    await expect(open().then(load)).rejects.toMatchObject({ code: 'network' });
    hub.allowance = Infinity;
    hub.commit = 'f'.repeat(40);
    hub.files = filesOf(second);
    expect(await load(await open())).toEqual(hashesOf(await packageOf(second)));
    expect(messages).toEqual([expect.stringMatching(/changed since the last visit/)]);
    expect((await store.blobSizes('org/name#f32')).size).toBe(3);
  });

  it('lets one tab work, and shows its progress in the other', async () => {
    const locks = sharedLocks();
    const channel = { waiting: [] as (PackageProgress | null)[] };
    const one = await open({ locks });
    const two = open({ locks, onWaiting: (progress) => channel.waiting.push(progress) });
    await vi.waitFor(() => expect(channel.waiting).toEqual([null]));
    hub.requests.length = 0;
    expect(await load(one)).toEqual(hashesOf(truth));
    const asked = weightRequests().length;
    await vi.waitFor(() => expect(channel.waiting.some((progress) => (progress?.loaded ?? 0) > 0)).toBe(true));
    expect(await load(await two)).toEqual(hashesOf(truth));
    expect(weightRequests()).toHaveLength(asked);
  });

  it('takes over from a tab that was closed', async () => {
    const locks = sharedLocks();
    const one = await open({ locks });
    await one.shard(0);
    const two = open({ locks });
    one.close();
    expect(await load(await two)).toEqual(hashesOf(truth));
    const controller = new AbortController();
    await freshStore();
    const holder = await open({ locks });
    const waiting = open({ locks, signal: controller.signal });
    controller.abort();
    await expect(waiting).rejects.toMatchObject({ code: 'aborted' });
    holder.close();
  });

  it('refuses what the storage has no room for, before any weight, and says what would fit', async () => {
    vi.stubGlobal('navigator', { storage: { estimate: async () => ({ quota: 100e6, usage: 88e6 }) } });
    await expect(open()).rejects.toMatchObject({
      code: 'storage_full',
      message: expect.stringMatching(/lacks 6\.0 MB.*As f16 \(0\.01 GB\) the model would fit/) as string,
    });
    expect(weightRequests().every((asked) => asked.startsWith('model.safetensors 0-'))).toBe(true);
  });

  it('works without a database', async () => {
    expect(await load(await open({ store: null }))).toEqual(hashesOf(truth));
  });

  it('asks for access where it is denied, and brings the token', async () => {
    hub.token = 'hf_secret';
    await expect(open()).rejects.toMatchObject({
      code: 'access_denied',
      message: expect.stringMatching(/access token/) as string,
    });
    expect(await load(await open({}, { files: hubFiles('hf_secret') }))).toEqual(hashesOf(truth));
  });

  it.each<[string, (files: Map<string, Uint8Array>) => void, string, RegExp]>([
    ['no config', (files) => files.delete('config.json'), 'config_invalid', /has no config\.json/],
    ['no weights', (files) => files.delete('model.safetensors'), 'checkpoint_invalid', /neither/],
    [
      'a header of 100 MB',
      (files) => files.set('model.safetensors', hugeHeader()),
      'checkpoint_invalid',
      /header of 104857600 bytes/,
    ],
    ['a config of 3 MB', (files) => files.set('config.json', new Uint8Array(3e6)), 'config_invalid', /3000000 bytes/],
    [
      'a path out of the folder',
      (files) => {
        files.delete('model.safetensors');
        files.set('model.safetensors.index.json', text('{"weight_map": {"a": "../a"}}'));
      },
      'checkpoint_invalid',
      /no plain file name/,
    ],
  ])('refuses %s', async (_, change, code, message) => {
    change(hub.files);
    await expect(open()).rejects.toMatchObject({ code, message: expect.stringMatching(message) as string });
    expect(hub.sent).toBeLessThan(3e6);
  });

  it('says what is wrong with a server that is none of the Hub', async () => {
    const other = (endpoint: string, revision = 'main') => ({
      files: new HubFiles({ repo: 'org/name', revision, endpoint }, { clock }),
    });
    await expect(open({}, other(server.endpoint, 'gone'))).rejects.toMatchObject({
      code: 'network',
      message: expect.stringMatching(/no such repository or revision/) as string,
    });
    expect(() => other('nowhere')).toThrow(/endpoint is "nowhere"/);
    vi.stubGlobal('fetch', async () => new Response('{"sha": 3}'));
    await expect(open()).rejects.toMatchObject({
      code: 'network',
      message: expect.stringMatching(/does not list files/) as string,
    });
    vi.stubGlobal('fetch', async () => new Response('<!doctype html>', { headers: { 'content-type': 'text/html' } }));
    await expect(open()).rejects.toMatchObject({
      code: 'network',
      message: expect.stringMatching(/web page/) as string,
    });
  });
});

describe('a checkpoint on disk', () => {
  const picked = (model: Uint8Array, folder = '') =>
    [...filesOf(model)].map(([name, bytes]) => {
      const file = new File([new Uint8Array(bytes)], name, { lastModified: model === first ? 1 : 2 });
      return Object.assign(file, folder && { webkitRelativePath: `${folder}/${name}` });
    });
  const request = (files: DiskFiles | null) => ({ id: 'device:name#f32', files, from: { model: 'device:name' } });

  it.each(['', 'name'])('becomes a package that is there without the files (folder "%s")', async (folder) => {
    expect(await load(await open({}, request(new DiskFiles(picked(first, folder)))))).toEqual(hashesOf(truth));
    expect(await load(await open({}, request(null)))).toEqual(hashesOf(truth));
    await expect(open({}, { ...request(null), id: 'device:other#f32' })).rejects.toMatchObject({
      code: 'config_invalid',
    });
    const changed = await open({}, request(new DiskFiles(picked(second, folder))));
    expect(await load(changed)).toEqual(hashesOf(await packageOf(second)));
  });

  it('is read from a folder that was picked', async () => {
    const notFound = () => Promise.reject(new DOMException('nothing', 'NotFoundError'));
    const byName = new Map(picked(first).map((file) => [file.name, file]));
    const handle = {
      getFileHandle: (name: string) =>
        byName.has(name) ? Promise.resolve({ getFile: async () => byName.get(name) }) : notFound(),
      getDirectoryHandle: notFound,
    } as unknown as FileSystemDirectoryHandle;
    const files = new DiskFiles(handle);
    expect(await files.size('part/config.json')).toBeNull();
    expect(await files.size('../config.json')).toBeNull();
    expect(await load(await open({}, request(files)))).toEqual(hashesOf(truth));
  });
});

function hugeHeader(): Uint8Array {
  const file = new Uint8Array(1000);
  new DataView(file.buffer).setBigUint64(0, BigInt(100 * 2 ** 20), true);
  return file;
}

/** Locks as several tabs share them. */
function sharedLocks(): Locks {
  let last: Promise<unknown> = Promise.resolve();
  return {
    async request(_, { signal }, work) {
      const before = last;
      let release = () => {};
      last = new Promise<void>((resolve) => {
        release = resolve;
      });
      try {
        await new Promise<void>((resolve, reject) => {
          const abort = () => reject(new DOMException('aborted', 'AbortError'));
          if (signal?.aborted) abort();
          signal?.addEventListener('abort', abort);
          before.then(() => resolve(), resolve);
        });
        return await work({});
      } finally {
        release();
      }
    },
  };
}
