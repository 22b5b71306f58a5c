// The cost of a conversation's state on a GPU, against processing its tokens: to restore a snapshot, to write it into the
// browser's storage, and to bring it back. Weights are random, and made on the GPU; the state is that of a prompt. The query
// says:
//   shape       shapes of the benchmark, with commas between them; by default lexicon,bamba-9b
//   dtype       scheme of the weights, by default int8
//   precision   as of createEngine, by default balanced
//   tokens      of the conversation, by default 4000
//   runs        of each measurement, by default 5
// `__result` is then a promise of a Report for each shape.

import { SHAPES } from '../../src/bench/shapes.ts';
import { syntheticWeights } from '../../src/bench/synthetic-weights.ts';
import { type Precision, PRECISIONS } from '../../src/engine/options.ts';
import { bringBack, factsOf, piecesOf, readerOf, type StateOwner } from '../../src/engine/states/state-files.ts';
import { Gpu } from '../../src/gpu/device.ts';
import { Model } from '../../src/model/model.ts';
import {
  decodePrelude,
  encodePrelude,
  pieceHash,
  type SnapshotPrelude,
  verifyPiece,
} from '../../src/model/snapshot-bytes.ts';
import { nameWrite, type StateRecord, StateStore } from '../../src/storage/store/state-store.ts';
import type { Scheme } from '../../src/weights/types.ts';
import { fileReadMs } from './file-read.ts';

type Bytes = Uint8Array<ArrayBuffer>;

/** Milliseconds; medians of runs. */
interface Report {
  adapter: string;
  shape: string;
  scheme: string;
  precision: string;
  tokens: number;
  /** Of the state on the GPU, of a snapshot, and of what is stored. */
  bytes: { state: number; snapshot: number; stored: number };
  /** Reading the tokens. */
  processMs: number;
  /** Taking a snapshot, and the live sequence becoming one again. */
  snapshotMs: number;
  restoreMs: number;
  /** From the GPU into IndexedDB. */
  writeMs: number;
  /** Back from there into the live sequence, verified. */
  bringBackMs: number;
  /** The parts of that, each alone: pieces out of IndexedDB, one after the other and several at once; hashes; the GPU. */
  parts: { readOneByOneMs: number; readMs: number; hashMs: number; uploadMs: number };
  /** The same bytes out of a file of the origin's private file system, for comparison; null where that fails. */
  fileMs: number | null;
  /** How many times as fast as processing the tokens bringing them back is. */
  timesAsFast: number;
}

/** As many pieces at once as bringing a state back asks for. */
const AT_ONCE = 8;
const query = new URLSearchParams(location.search);
const RUNS = Number(query.get('runs') ?? 5);

function say(line: string): void {
  console.log(line);
  document.querySelector('#log')?.append(`${line}\n`);
}

/** Median of the times of some runs, after one that warms up. */
async function median(gpu: Gpu, work: () => Promise<unknown>): Promise<number> {
  const times: number[] = [];
  for (let run = 0; run <= RUNS; run++) {
    await gpu.done();
    const start = performance.now();
    await work();
    await gpu.done();
    if (run > 0) times.push(performance.now() - start);
  }
  return times.toSorted((a, b) => a - b)[RUNS >> 1]!;
}

/** Works at all indices, at so many at once. */
async function inParallel(count: number, atOnce: number, work: (index: number) => Promise<unknown>): Promise<void> {
  let next = 0;
  const lane = async () => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: atOnce }, lane));
}

/** Keeps the live sequence, as the engine does. @returns the bytes that were stored */
async function write(owner: StateOwner, store: StateStore, tokens: readonly number[]): Promise<number> {
  const facts = factsOf(owner, tokens, { logits: false });
  const name = nameWrite();
  const hashes: Bytes[] = [];
  let bytes = 0;
  for await (const piece of piecesOf(owner.model, owner.model.state, facts)) {
    const [hash] = await Promise.all([pieceHash(piece), store.putPiece('measured', name, hashes.length, piece)]);
    hashes.push(hash);
    bytes += piece.length;
  }
  const prelude = (await encodePrelude(facts, hashes)).buffer;
  bytes += prelude.byteLength;
  const counts = { pieces: hashes.length, bytes, tokens: tokens.length, savedAt: Date.now() };
  await store.commit({ id: 'measured', write: name, prelude, model: owner.name, ...counts });
  return bytes;
}

async function pieceOf(store: StateStore, record: StateRecord, index: number): Promise<Bytes> {
  const piece = await store.piece(record, index);
  if (piece === null) throw new Error(`Piece ${index} is not there.`);
  return piece;
}

/** The parts of bringing a state back, each alone. */
async function measureParts({ model }: StateOwner, store: StateStore, record: StateRecord, prelude: SnapshotPrelude) {
  const { gpu } = model;
  const count = record.pieces;
  const readOneByOneMs = await median(gpu, () => inParallel(count, 1, (index) => pieceOf(store, record, index)));
  const readMs = await median(gpu, () => inParallel(count, AT_ONCE, (index) => pieceOf(store, record, index)));
  const pieces: Bytes[] = [];
  for (let index = 0; index < count; index++) pieces.push(await pieceOf(store, record, index));
  const hashMs = await median(gpu, () =>
    inParallel(count, AT_ONCE, (index) => verifyPiece(prelude, index, pieces[index]!)),
  );
  const uploadMs = await median(gpu, () => bringBack(model, prelude, async (index) => pieces[index]!));
  const fileMs = await fileReadMs(pieces, RUNS).catch((error: unknown) => {
    say(`no file: ${String(error)}`);
    return null;
  });
  return { parts: { readOneByOneMs, readMs, hashMs, uploadMs }, fileMs };
}

async function measure(gpu: Gpu, shape: keyof typeof SHAPES): Promise<Report> {
  const scheme = (query.get('dtype') ?? 'int8') as Scheme;
  const precision = (query.get('precision') ?? 'balanced') as Precision;
  const tokens = Number(query.get('tokens') ?? 4000);
  const { rounds, kvCacheType, stateCacheType } = PRECISIONS[precision];
  const architecture = SHAPES[shape];
  const model = await Model.create(gpu, architecture, await syntheticWeights(gpu, architecture, scheme), {
    contextLength: tokens + 256,
    int8Activations: rounds && gpu.features.quickByteProducts,
    kvCacheType,
    stateCacheType,
  });
  const store = await StateStore.open();
  try {
    say(`${shape} in ${scheme}, ${precision}, ${tokens} tokens`);
    const ids = Array.from({ length: tokens }, (_, index) => (index * 7919 + 17) % architecture.vocabSize);
    const processMs = await median(gpu, async () => {
      model.state.reset();
      await model.prefill(ids, { logits: true });
    });
    const snapshot = await model.snapshot();
    const snapshotMs = await median(gpu, async () => (await model.snapshot()).dispose());
    const restoreMs = await median(gpu, () => model.restore(snapshot));
    const bytes = { state: model.state.bytes, snapshot: snapshot.bytes, stored: 0 };
    snapshot.dispose();
    say(`snapshot: ${snapshotMs.toFixed(2)} ms, restore: ${restoreMs.toFixed(2)} ms`);

    const owner: StateOwner = { model, binding: { model: 'm', shaders: 's', scheme }, name: shape };
    const writeMs = await median(gpu, async () => {
      bytes.stored = await write(owner, store, ids);
    });
    const bringBackMs = await median(gpu, async () => {
      const record = (await store.record('measured'))!;
      const prelude = await decodePrelude(new Uint8Array(record.prelude), readerOf(owner));
      await bringBack(model, prelude, async (index) => {
        const piece = await pieceOf(store, record, index);
        await verifyPiece(prelude, index, piece);
        return piece;
      });
    });
    const record = (await store.record('measured'))!;
    const prelude = await decodePrelude(new Uint8Array(record.prelude), readerOf(owner));
    const { parts, fileMs } = await measureParts(owner, store, record, prelude);
    const timesAsFast = processMs / bringBackMs;
    const ms = (time: number | null) => (time === null ? 'none' : `${time.toFixed(1)} ms`);
    say(`${(bytes.stored / 1e6).toFixed(1)} MB stored in ${ms(writeMs)}, brought back in ${ms(bringBackMs)}`);
    say(
      `of that alone: reading ${ms(parts.readMs)} (one by one ${ms(parts.readOneByOneMs)}), hashing ${ms(parts.hashMs)}, ` +
        `uploading ${ms(parts.uploadMs)}; from a file ${ms(fileMs)}`,
    );
    say(`processing the tokens: ${ms(processMs)}, ${timesAsFast.toFixed(1)} times as long as bringing them back`);
    const { vendor, architecture: family, description } = gpu.adapterInfo;
    const adapter = [vendor, family, description].join(' ').trim();
    const measured = { processMs, snapshotMs, restoreMs, writeMs, bringBackMs, parts, fileMs, timesAsFast };
    return { adapter, shape, scheme, precision, tokens, bytes, ...measured };
  } finally {
    await store.deleteAll();
    store.close();
    model.dispose();
  }
}

async function main(): Promise<Report[]> {
  const shapes = (query.get('shape') ?? 'lexicon,bamba-9b').split(',') as (keyof typeof SHAPES)[];
  const precision = (query.get('precision') ?? 'balanced') as Precision;
  const gpu = await Gpu.request({ subgroupMatrices: PRECISIONS[precision].rounds });
  const reports: Report[] = [];
  for (const shape of shapes) reports.push(await measure(gpu, shape));
  return reports;
}

// Under this name whoever runs the page finds it.
Object.assign(globalThis, { __result: main() });
