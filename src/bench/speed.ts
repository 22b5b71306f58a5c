import { generateIds } from '../generate/generate.ts';
import type { Model } from '../model/model.ts';
import { GREEDY } from '../sampling.ts';
import { fillState } from './synthetic-weights.ts';
import { median } from './timing.ts';

/** How often, and how much of it, speeds are measured. */
export interface SpeedSettings {
  /** Measurements, of which the median counts. */
  runs: number;
  /** Tokens of a measurement of decoding. */
  tokens: number;
  /** Tokens decoded before each. */
  warmUp: number;
}

/** Decoding at a length. */
export interface DecodeSpeed {
  context: number;
  secondsPerToken: number;
  /** Of a token that is submitted and waited for alone, as one without steps ahead would be. */
  awaitedSecondsPerToken: number;
  /** Of each run. */
  runs: number[];
}

/** Reading a prompt. */
export interface PrefillSpeed {
  tokens: number;
  seconds: number;
  runs: number[];
}

/** Tokens that decoding at `context` needs room for. */
export function roomFor(context: number, { tokens, warmUp }: SpeedSettings): number {
  return context + warmUp + tokens + 2 * AWAITED;
}

const AWAITED = 16;

/** Token ids of a prompt, always the same, over the whole vocabulary. */
export function promptIds(count: number, vocabulary: number): number[] {
  return Array.from({ length: count }, (_, index) => (index * 7919 + 17) % vocabulary);
}

/** Seconds from a prompt on the host to logits of its last token, without what came before. */
export async function measurePrefill(model: Model, tokens: number, { runs }: SpeedSettings): Promise<PrefillSpeed> {
  const ids = promptIds(tokens, model.architecture.vocabSize);
  const seconds: number[] = [];
  for (let run = 0; run <= runs; run++) {
    model.state.reset();
    await model.gpu.device.queue.onSubmittedWorkDone();
    const start = performance.now();
    await model.prefill(ids, { logits: true });
    // The first warms up: memory, clocks.
    if (run > 0) seconds.push((performance.now() - start) / 1000);
  }
  return { tokens, seconds: median(seconds), runs: seconds };
}

/**
 * Seconds a token of answers that begin at `context`, through the code that answers come from, steps ahead and all.
 * No prompt of that length is read: random numbers take the place of its keys and values.
 */
export async function measureDecode(model: Model, context: number, settings: SpeedSettings): Promise<DecodeSpeed> {
  const { runs, tokens, warmUp } = settings;
  const { state } = model;
  await model.reserve(roomFor(context, settings));
  const segments = state.blocks.flatMap(({ attention }) => attention?.segments ?? []);
  const caches = segments.flatMap(({ keys, values }) => [keys.buffer, values.buffer]);
  await fillState(model.gpu, caches);
  state.reset();
  await model.prefill(promptIds(Math.min(16, context), model.architecture.vocabSize), { logits: true });
  const begin = promptIds(context, model.architecture.vocabSize);
  const answer = (limit: number) => ({ values: GREEDY, limit, stopIds: [], promptIds: [] });
  const seconds: number[] = [];
  for (let run = 0; run < runs; run++) {
    state.tokens = [...begin];
    let count = 0;
    let from = { count: 0, at: 0 };
    let at = 0;
    for await (const { ids } of generateIds(model, answer(warmUp + tokens))) {
      count += ids.length;
      at = performance.now();
      if (count <= warmUp || from.at === 0) from = { count, at };
    }
    seconds.push((at - from.at) / 1000 / (count - from.count));
  }
  state.tokens = [...begin];
  await model.beginAnswer(answer(AWAITED + 1));
  const awaited: number[] = [];
  for (let token = 0; token < AWAITED; token++) {
    const start = performance.now();
    await model.decode(1);
    awaited.push((performance.now() - start) / 1000);
  }
  state.reset();
  return { context, secondsPerToken: median(seconds), awaitedSecondsPerToken: median(awaited), runs: seconds };
}
