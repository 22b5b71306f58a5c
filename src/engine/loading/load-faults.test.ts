import 'fake-indexeddb/auto';
import { createHash } from 'node:crypto';
import { afterAll, afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { BambaError } from '../../errors.ts';
import type * as clock from '../../storage/store/clock.ts';
import { serveHub, TestHub, testClock } from '../../testing/servers/test-hub.ts';
import { FAMILY_CONFIGS } from '../../testing/checkpoints/family-configs.ts';
import { FaultyFetch, NETWORK_FAULTS } from '../../testing/faults/fetch.ts';
import { every } from '../../testing/extent.ts';
import { DATABASE_ERRORS, databaseFaults, type DatabaseFault } from '../../testing/faults/indexed-db.ts';
import { randomCheckpoint } from '../../testing/checkpoints/random-checkpoint.ts';
import { tinyCheckpoint } from '../../testing/models/tiny-model.ts';
import { openModel } from './open-model.ts';
import { deleteUnlessLocked, storedModels } from './stored-models.ts';

// Every step of loading meets with every fault. However a run ends, it ends in time: with the right bytes, or with a
// typed error. The next one, without a fault, has the right bytes.

// A minute of waiting takes a moment here.
vi.mock('../../storage/store/clock.ts', async (original) => {
  const module = await original<typeof clock>();
  const { systemClock } = module;
  const hasty = { ...systemClock, sleep: (ms: number, signal?: AbortSignal) => systemClock.sleep(ms / 100, signal) };
  const { withTimeout } = module;
  return {
    ...module,
    systemClock: hasty,
    withTimeout: (promise: Promise<unknown>, _: unknown, ms: number, late: () => Error) =>
      withTimeout(promise, hasty, ms, late),
  };
});

/** Longer than any deadline of the library, on a busy machine. */
const DEADLINE_MS = 30_000;
const DATABASE_FAULTS: readonly DatabaseFault[] = [
  ...DATABASE_ERRORS.map((error) => ({ kind: 'fail' as const, error })),
  { kind: 'delay', ms: 5 },
  { kind: 'never' },
];

const database = databaseFaults();
const network = new FaultyFetch();
let hub: TestHub;
let server: Awaited<ReturnType<typeof serveHub>>;
let networkFaults = 0;
let survived = 0;

function checkpoint(): Record<string, Uint8Array> {
  const config = Object.values(FAMILY_CONFIGS).find(({ model_type }) => model_type === 'llama')!;
  return { ...tinyCheckpoint(), ...randomCheckpoint(config) };
}

beforeEach(async () => {
  hub = new TestHub(new Map(Object.entries(checkpoint())));
  server = await serveHub(hub);
});

afterEach(async () => {
  database.clear();
  network.clear();
  await server.close();
  await forget();
});

afterAll(() => {
  const injected = database.injected + network.injected;
  expect(survived).toBe(injected);
  console.log(
    `Faults injected into loading: ${database.injected} of IndexedDB, ${network.injected} of the network; ` +
      `survived: ${survived}, lost: ${injected - survived}`,
  );
});

async function forget(): Promise<void> {
  for (const { id } of await storedModels()) await deleteUnlessLocked(id, null);
}

/** Loads the model of the hub, all of it. */
async function load(dtype: 'f32' | 'int8' = 'f32'): Promise<string> {
  const options = { onProgress: () => undefined, clock: testClock(), locks: null, fetch: network.fetch };
  const { source, close } = await openModel({ model: 'org/name', endpoint: server.endpoint, dtype }, options);
  try {
    const parts = [];
    for (let index = 0; index < source.manifest.shards.length; index++) parts.push(await source.shard(index));
    const names = Object.keys(source.manifest.files) as (keyof typeof source.manifest.files)[];
    for (const name of names) parts.push(await source.file(name));
    return createHash('sha256').update(Buffer.concat(parts)).digest('hex');
  } finally {
    close();
  }
}

/** How a run ends: what it gives, or the code of its error. Anything else fails the test. */
async function outcome(run: () => Promise<string>): Promise<{ value: string } | { code: string }> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`It did not end within ${DEADLINE_MS / 1000} seconds.`)), DEADLINE_MS);
  });
  try {
    return { value: await Promise.race([run(), late]) };
  } catch (error) {
    if (!(error instanceof BambaError)) throw error;
    expect(error.message).toMatch(/^\w.{20,}\.$/su);
    return { code: error.code };
  } finally {
    clearTimeout(timer);
  }
}

/** A run that met with a fault: in the end there is nothing but what is right. */
async function expectSound(run: () => Promise<string>, right: string, what: string): Promise<void> {
  const ended = await outcome(run);
  if ('value' in ended) expect(ended.value, what).toBe(right);
  database.clear();
  network.clear();
  expect(await load(), what).toBe(right);
  const stored = (await storedModels()).find(({ dtype }) => dtype === 'f32');
  expect(stored, what).toMatchObject({ complete: true, bytes: stored?.totalBytes });
  survived++;
}

/** Steps that meet with faults: five and the number of kinds have no divisor in common, so a fifth of them meets every kind. */
const stepsOf = (count: number): number[] =>
  every(
    5,
    Array.from({ length: count }, (_, index) => index + 1),
  );

/** What is done, and how things are before. */
interface Scenario {
  name: string;
  prepare: () => Promise<unknown>;
  run: () => Promise<string>;
  /** A long one meets with one kind of fault at each step, a short one with all. */
  long?: boolean;
}

describe('faults of IndexedDB', () => {
  const scenarios: readonly Scenario[] = [
    { name: 'the first load', prepare: forget, run: load, long: true },
    { name: 'a load from storage', prepare: load, run: load },
    {
      name: 'a change to another scheme and back',
      prepare: load,
      run: () => load('int8').then(() => load()),
      long: true,
    },
    { name: 'the list of models', prepare: load, run: () => storedModels().then(() => load()), long: true },
    { name: 'deleting', prepare: load, run: () => forget().then(() => load()), long: true },
  ];

  test.for(scenarios)('$name', { timeout: 900_000 }, async ({ prepare, run, long = false }) => {
    await prepare();
    const right = await load();
    await prepare();
    const calls = await database.countCalls(run);
    expect(calls).toBeGreaterThan(3);
    for (const n of stepsOf(calls)) {
      const kinds = long ? [DATABASE_FAULTS[n % DATABASE_FAULTS.length]!] : DATABASE_FAULTS;
      for (const fault of kinds) {
        await prepare();
        const before = database.injected;
        database.injectAt(n, fault);
        await expectSound(run, right, `call ${n}: ${JSON.stringify(fault)}`);
        // Another order of calls may leave the last ones out.
        if (database.injected === before) survived--;
      }
    }
  });
});

describe('faults of the network', () => {
  test('the first load', { timeout: 900_000 }, async () => {
    const right = await load();
    await forget();
    network.clear();
    await load();
    const steps = network.calls;
    expect(steps).toBeGreaterThan(10);
    for (const n of stepsOf(steps)) {
      for (const fault of NETWORK_FAULTS) {
        await forget();
        const before = network.injected;
        network.injectAt(n, fault);
        await expectSound(load, right, `step ${n}: ${fault}`);
        if (network.injected === before) survived--;
        networkFaults++;
      }
    }
    expect(network.injected).toBeGreaterThan(networkFaults / 2);
  });
});
