import 'fake-indexeddb/auto';
import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { deleteDB } from 'idb';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { BambaError } from '../../errors.ts';
import { configFile, f8Tensor, f8Tensors, LLAMA } from '../../testing/checkpoints/f8-checkpoint.ts';
import { safetensorsBytes } from '../../testing/checkpoints/test-checkpoint.ts';
import type { CheckpointFiles } from './checkpoint-files.ts';
import { openConverted } from '../packages/convert.ts';
import type { Fetch } from './fetch.ts';
import { HttpSource } from './http-source.ts';
import { HubFiles } from './hub.ts';
import { PackageStore } from '../store/store.ts';
import { asksForLength, etagOf, type HubFault, serveHub, TestHub, testClock } from '../../testing/servers/test-hub.ts';
import { TestLine } from '../../testing/servers/test-line.ts';

// Servers, and what is on the way to them, that send something else than the checkpoint. Whatever they do, and at whatever
// byte, a load ends with a typed error or with the right bytes. Only right bytes are kept afterwards.

vi.setConfig({ testTimeout: 240_000 });

const CONFIG = { ...LLAMA, vocab_size: 1404, hidden_size: 256, intermediate_size: 384, num_attention_heads: 2 };
const ID = 'model#f32';
const text = (value: string) => new TextEncoder().encode(value);

/** A checkpoint whose tensors are read in another order than they lie in the file; one is not read at all. */
function checkpointOf(seed: number): Map<string, Uint8Array> {
  const tensors = Object.entries(f8Tensors(CONFIG, seed)).toReversed();
  const between = tensors.findIndex(([name]) => name.includes('gate_proj'));
  tensors.splice(between, 0, ['unread', f8Tensor([99, 256], seed)]);
  return new Map([
    ['config.json', configFile(CONFIG)],
    ['model.safetensors', safetensorsBytes(Object.fromEntries(tensors))],
    ['tokenizer.json', text(JSON.stringify({ model: {}, seed }))],
  ]);
}
const right = checkpointOf(1);
const other = checkpointOf(2);

let hub: TestHub;
let server: Awaited<ReturnType<typeof serveHub>>;
let store: PackageStore;
let messages: string[];
let databases = 0;

beforeEach(async () => {
  hub = new TestHub(new Map(right));
  server = await serveHub(hub);
  await freshStore();
  messages = [];
});
afterEach(async () => {
  await server.close();
  store.close();
  await deleteDB(`lying-${databases}`);
});

async function freshStore(): Promise<void> {
  if (databases > 0) {
    store.close();
    await deleteDB(`lying-${databases}`);
  }
  store = await PackageStore.open(`lying-${++databases}`);
}

const ofHub = (fetch?: Fetch) =>
  new HubFiles(
    { repo: 'org/name', revision: 'main', endpoint: server.endpoint },
    { clock: testClock(), ...(fetch && { fetch }) },
  );
const ofServer = (fetch?: Fetch) =>
  new HttpSource((file) => new URL(`plain/${file}`, server.endpoint), { clock: testClock(), ...(fetch && { fetch }) });

/** Loads everything, as an engine does. @returns a hash of all that came */
async function load(files: CheckpointFiles, to: PackageStore | null = store): Promise<string> {
  const hash = createHash('sha256');
  const source = await openConverted(
    { id: ID, name: 'name', scheme: 'f32', files, from: { model: ID } },
    {
      store: to,
      locks: null,
      signal: undefined,
      onProgress: () => {},
      onWaiting: () => {},
      onMessage: (message) => messages.push(message),
    },
  );
  try {
    hash.update(await source.file('tokenizer.json'));
    for (let index = 0; index < source.manifest.shards.length; index++) hash.update(await source.shard(index));
  } finally {
    source.close();
  }
  return hash.digest('hex');
}

/** How a load ends. */
const outcome = (loading: Promise<string>) =>
  loading.catch((error: unknown) => {
    expect(error).toBeInstanceOf(BambaError);
    return (error as BambaError).code;
  });

async function expectNothingKept(): Promise<void> {
  expect(await store.conversion(ID)).toBeNull();
  expect(await store.manifest(ID)).toBeNull();
  expect((await store.blobSizes(ID)).size).toBe(0);
  expect(await store.pieceBytes(ID)).toBe(0);
}

const whole = right.get('model.safetensors')!;
/** The checkpoint with one bit turned. */
const turned = (at: number, file = 'model.safetensors') => {
  const bytes = right.get(file)!.slice();
  bytes[at % bytes.length]! ^= 1;
  return new Map([...right, [file, bytes]]);
};

describe('a Hub that declares a SHA-256', () => {
  it('is believed where all is as it declares, also what is read in another order or not at all', async () => {
    const truth = await load(ofHub());
    expect(await load(ofHub(), null)).toBe(truth);
    expect(messages).toEqual([]);
  });

  it.each(['the store', 'none'])('is found out at whatever byte the file is another, with %s', async (kept) => {
    hub.listed = right;
    await fc.assert(
      fc.asyncProperty(fc.nat(whole.length - 1), async (at) => {
        hub.files = turned(at);
        expect(await outcome(load(ofHub(), kept === 'none' ? null : store))).toMatch(/^checkpoint_(corrupt|invalid)$/);
        await expectNothingKept();
      }),
      { numRuns: 8 },
    );
  });

  it('is found out where the file changes between any two answers', async () => {
    const truth = await load(ofHub());
    hub.listed = right;
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 12 }), async (changed) => {
        await freshStore();
        hub.files = new Map(right);
        let answers = 0;
        hub.fault = () => {
          if (++answers === changed) hub.files = other;
          return false;
        };
        const end = await outcome(load(ofHub()));
        expect([truth, 'checkpoint_corrupt', 'checkpoint_changed', 'checkpoint_invalid', 'network']).toContain(end);
        if (end === 'checkpoint_corrupt') await expectNothingKept();
      }),
      { numRuns: 8 },
    );
  });

  it('is found out where a load goes on in a later visit, and the file is another one by then', async () => {
    const truth = await load(ofHub());
    hub.listed = right;
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 150_000, max: 700_000 }), fc.boolean(), async (cut, changes) => {
        await freshStore();
        hub.files = new Map(right);
        expect(await outcome(load(ofHub(new TestLine(cut).fetch)))).toBe('network');
        if (changes) hub.files = other;
        const end = await outcome(load(ofHub()));
        if (!changes) expect(end).toBe(truth);
        else expect(['checkpoint_corrupt', 'checkpoint_invalid', 'checkpoint_changed']).toContain(end);
        if (end === 'checkpoint_corrupt') await expectNothingKept();
      }),
      { numRuns: 8 },
    );
  });
});

describe('a server that answers another request', () => {
  /** Answers parts of the weights in its own way. */
  const parts =
    (
      answer: (begin: number, end: number, whole: boolean) => [number, Record<string, string>, Uint8Array] | null,
    ): HubFault =>
    (file, request, response) => {
      const range = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '');
      if (file !== 'model.safetensors' || !range) return false;
      const head = asksForLength(request);
      const made = answer(Number(range[1]), head ? whole.length : Number(range[2]) + 1, head);
      if (!made) return false;
      response.writeHead(made[0], { 'content-type': 'application/octet-stream', ...made[1] });
      if (head) response.flushHeaders();
      else response.end(made[2]);
      return true;
    };
  const etag = etagOf(whole);
  const range = (begin: number, end: number) => ({ 'content-range': `bytes ${begin}-${end - 1}/${whole.length}` });

  it.each<[string, string, Parameters<typeof parts>[0]]>([
    [
      'from another beginning',
      'checkpoint_corrupt',
      (begin, end, head) =>
        head || begin === 0 ? null : [206, { etag, ...range(begin - 1, end - 1) }, whole.subarray(begin - 1, end - 1)],
    ],
    [
      'without saying which part it is',
      'checkpoint_corrupt',
      (begin, end, head) => (head || begin === 0 ? null : [206, { etag }, whole.subarray(begin, end)]),
    ],
    [
      'without the ETag that it had',
      'checkpoint_changed',
      (begin, end, head) => (head || begin === 0 ? null : [206, range(begin, end), whole.subarray(begin, end)]),
    ],
    [
      'of another length in all',
      'checkpoint_changed',
      (begin, end, head) =>
        head || begin === 0
          ? null
          : [
              206,
              { etag, 'content-range': `bytes ${begin}-${end - 1}/${whole.length + 1}` },
              whole.subarray(begin, end),
            ],
    ],
    [
      'with a web page',
      'network',
      (begin, _, head) => (head || begin === 0 ? null : [200, { 'content-type': 'text/html' }, text('<html></html>')]),
    ],
  ])('ends the load where a part comes %s', async (_, code, answer) => {
    hub.fault = parts(answer);
    expect(await outcome(load(ofServer()))).toBe(code);
    expect(await store.manifest(ID)).toBeNull();
  });

  it('gives the right bytes where it tells neither ETag nor date, in one answer, and goes on from nothing', async () => {
    const truth = await load(ofServer());
    await freshStore();
    let answers = 0;
    hub.fault = parts((begin, end, head) => {
      // After its first answer the file is another one.
      const served = answers === 0 ? whole : other.get('model.safetensors')!;
      if (!head) answers++;
      const length = { 'content-length': String(end - begin) };
      return [206, { ...range(begin, end), ...length }, served.subarray(begin, end)];
    });
    expect(await load(ofServer())).toBe(truth);
    expect(answers).toBe(1);
    await freshStore();
    answers = 0;
    // Two visits are never mixed.
    expect(await outcome(load(ofServer(new TestLine(500_000).fetch)))).toBe('network');
    expect(await store.pieceBytes(ID)).toBe(0);
  });

  it('names a redirect in a circle, and a file that is shorter than it is announced', async () => {
    hub.fault = (file, request, response) => {
      if (file !== 'config.json') return false;
      response.writeHead(302, { location: request.url ?? '' }).end();
      return true;
    };
    await expect(load(ofServer())).rejects.toMatchObject({
      code: 'network',
      message: expect.stringMatching(/config\.json is redirected in a circle/) as string,
    });
    hub.fault = parts((begin, end, head) =>
      head ? null : [206, { etag, ...range(begin, end) }, whole.subarray(begin, Math.min(end, 1000))],
    );
    await expect(load(ofServer())).rejects.toMatchObject({
      code: 'network',
      message: expect.stringMatching(
        /announces \d+ bytes of model\.safetensors, and its answers end after 1000 of them/,
      ) as string,
    });
  });
});
