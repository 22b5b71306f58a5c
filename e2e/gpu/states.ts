// The cost of a conversation's state on a GPU, against processing its tokens: to restore a snapshot, to write it into the
// browser's storage, and to bring it back. The weights are random; none are downloaded. The query says:
//   shape       a shape of the benchmark, by default bamba-9b
//   dtype       scheme of the weights, by default int8
//   tokens      of the conversation, by default 4000
// `__result` is then a promise of a Report.

import { SHAPES } from '../../src/bench/shapes.ts';
import { syntheticWeights } from '../../src/bench/synthetic-weights.ts';
import { bringBack, factsOf, piecesOf, readerOf, type StateOwner } from '../../src/engine/states/state-files.ts';
import { Gpu } from '../../src/gpu/device.ts';
import { Model } from '../../src/model/model.ts';
import { decodePrelude, encodePrelude, pieceHash, verifyPiece } from '../../src/model/snapshot-bytes.ts';
import { nameWrite, StateStore } from '../../src/storage/store/state-store.ts';
import type { Scheme } from '../../src/weights/types.ts';

/** Milliseconds; medians of runs. */
interface Report {
  adapter: string;
  shape: string;
  scheme: string;
  tokens: number;
  /** Of the state on the GPU, of a snapshot, and of what is stored. */
  bytes: { state: number; snapshot: number; stored: number };
  /** Reading the tokens. */
  processMs: number;
  /** Taking a snapshot, and the live sequence becoming one again. */
  snapshotMs: number;
  restoreMs: number;
  /** From the GPU into IndexedDB, and back, verified. */
  writeMs: number;
  readMs: number;
  /** How many times as fast as processing the tokens reading back is. */
  timesAsFast: number;
}

const RUNS = 5;
const query = new URLSearchParams(location.search);

function say(line: string): void {
  console.log(line);
  document.querySelector('#log')?.append(`${line}\n`);
}

/** Median of the times of some runs, after one that warms up. */
async function median(gpu: Gpu, work: () => Promise<void>): Promise<number> {
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

async function main(): Promise<Report> {
  const shape = (query.get('shape') ?? 'bamba-9b') as keyof typeof SHAPES;
  const scheme = (query.get('dtype') ?? 'int8') as Scheme;
  const tokens = Number(query.get('tokens') ?? 4000);
  const architecture = SHAPES[shape];
  const gpu = await Gpu.request();
  const weights = await syntheticWeights(gpu, architecture, scheme);
  const model = await Model.create(gpu, architecture, weights, { contextLength: tokens + 256 });
  const ids = Array.from({ length: tokens }, (_, index) => (index * 7919 + 17) % architecture.vocabSize);
  const processMs = await median(gpu, async () => {
    model.state.reset();
    await model.prefill(ids, { logits: true });
  });
  say(`processing ${tokens} tokens: ${processMs.toFixed(0)} ms`);

  const snapshot = await model.snapshot();
  const snapshotMs = await median(gpu, async () => (await model.snapshot()).dispose());
  const restoreMs = await median(gpu, () => model.restore(snapshot));
  say(`snapshot: ${snapshotMs.toFixed(2)} ms, restore: ${restoreMs.toFixed(2)} ms`);

  const owner: StateOwner = { model, binding: { model: 'm', shaders: 's', scheme }, name: shape };
  const store = await StateStore.open();
  let stored = 0;
  const writeMs = await median(gpu, async () => {
    const facts = factsOf(owner, ids, { logits: false });
    const write = nameWrite();
    const hashes: Uint8Array<ArrayBuffer>[] = [];
    stored = 0;
    for await (const piece of piecesOf(model, model.state, facts)) {
      const [hash] = await Promise.all([pieceHash(piece), store.putPiece('measured', write, hashes.length, piece)]);
      hashes.push(hash);
      stored += piece.length;
    }
    const prelude = (await encodePrelude(facts, hashes)).buffer;
    stored += prelude.byteLength;
    const counts = { pieces: hashes.length, bytes: stored, tokens, savedAt: Date.now() };
    await store.commit({ id: 'measured', write, prelude, model: shape, ...counts });
  });
  const readMs = await median(gpu, async () => {
    const record = (await store.record('measured'))!;
    const prelude = await decodePrelude(new Uint8Array(record.prelude), readerOf(owner));
    await bringBack(model, prelude, async (index) => {
      const piece = (await store.piece(record, index))!;
      await verifyPiece(prelude, index, piece);
      return piece;
    });
  });
  await store.deleteAll();
  store.close();
  const timesAsFast = processMs / readMs;
  say(
    `stored ${(stored / 1e6).toFixed(1)} MB: written in ${writeMs.toFixed(0)} ms, read back in ${readMs.toFixed(0)} ms`,
  );
  say(`reading back is ${timesAsFast.toFixed(1)} times as fast as processing`);
  const bytes = { state: model.state.bytes, snapshot: snapshot.bytes, stored };
  const { vendor, architecture: family, description } = gpu.adapterInfo;
  const adapter = [vendor, family, description].join(' ').trim();
  return { adapter, shape, scheme, tokens, bytes, processMs, snapshotMs, restoreMs, writeMs, readMs, timesAsFast };
}

// Under this name whoever runs the page finds it.
Object.assign(globalThis, { __result: main() });
