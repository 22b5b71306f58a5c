import { Company } from '../generate/company.ts';
import type { AnswerPiece } from '../generate/generate.ts';
import { Batch } from '../model/batch/batch.ts';
import type { Model } from '../model/model.ts';
import { GREEDY } from '../sampling.ts';
import { fillState } from './synthetic-weights.ts';
import { promptIds, roomFor, type SpeedSettings } from './speed.ts';
import { median } from './timing.ts';

/** Decoding of several sequences at once, each of the same length. */
export interface BatchSpeed {
  context: number;
  sequences: number;
  /** Of a step, which is a token of every sequence: the latency of a token. */
  secondsPerStep: number;
  /** Of each run. */
  runs: number[];
  dispatches: number;
  /** GPU memory of the batch. */
  bytes: number;
}

/** Tokens that an answer may have before all others have joined. */
const JOINING = 256;

/** Tokens that a sequence which begins at `context` needs room for. */
export function roomAmongOthers(context: number, settings: SpeedSettings): number {
  return roomFor(context, settings) + UNMEASURED * settings.warmUp + JOINING;
}

/**
 * Seconds a step of `sequences` answers that begin at `context`, through the code that answers come from, steps ahead and
 * all. No prompt of that length is read: random numbers take the place of its keys and values.
 * @throws BambaError `out_of_memory`, `gpu_failure`.
 */
export async function measureBatch(
  model: Model,
  context: number,
  sequences: number,
  settings: SpeedSettings,
): Promise<BatchSpeed> {
  const { state, architecture, gpu } = model;
  await model.reserve(context);
  const segments = state.blocks.flatMap(({ attention }) => attention?.segments ?? []);
  const caches = segments.flatMap(({ keys, values }) => [keys.buffer, values.buffer]);
  await fillState(gpu, caches);
  state.reset();
  await model.prefill(promptIds(Math.min(16, context), architecture.vocabSize), { logits: true });
  state.tokens = promptIds(context, architecture.vocabSize);
  const batch = await Batch.create(model, sequences);
  try {
    const seconds: number[] = [];
    // The first one compiles what steps take: it is not counted.
    await secondsPerStep(new Company(batch), state.tokens, sequences, settings);
    for (let run = 0; run < settings.runs; run++) {
      seconds.push(await secondsPerStep(new Company(batch), state.tokens, sequences, settings));
    }
    const dispatches = (await batch.stepPlan(sequences)).specs.length;
    return { context, sequences, secondsPerStep: median(seconds), runs: seconds, dispatches, bytes: batch.bytes };
  } finally {
    batch.dispose();
    state.reset();
  }
}

/**
 * Times of the tokens that all have while they are warm, in which nothing is measured: what the first answers had ready when
 * the last one joined comes all at once.
 */
const UNMEASURED = 5;

/** Of answers that all begin where the live sequence is, from when all are warm until all have had so many tokens. */
async function secondsPerStep(
  company: Company,
  tokens: readonly number[],
  sequences: number,
  { tokens: wanted, warmUp }: SpeedSettings,
): Promise<number> {
  const answer = { values: GREEDY, limit: UNMEASURED * warmUp + wanted + JOINING, stopIds: [], promptIds: [] };
  const answers = Array.from({ length: sequences }, () => company.answer(tokens, answer));
  for (const one of answers) await one.next();
  let count = 0;
  let from = { count: 0, at: 0 };
  let until = { count: 0, at: 0 };
  const isDone = () => count - from.count >= sequences * wanted && from.at > 0;
  const take = async (pieces: AsyncGenerator<AnswerPiece>) => {
    for await (const { ids } of pieces) {
      if (isDone()) return;
      count += ids.length;
      until = { count, at: performance.now() };
      if (from.at === 0 && count >= sequences * UNMEASURED * warmUp) from = until;
    }
  };
  await Promise.all(answers.map(take));
  return (sequences * (until.at - from.at)) / 1000 / (until.count - from.count);
}
