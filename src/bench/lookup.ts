import { type AnswerPiece, generateIds } from '../generate/generate.ts';
import { generateByLookup } from '../generate/lookup/generate-by-lookup.ts';
import { Lookup } from '../generate/lookup/lookup.ts';
import type { Model } from '../model/model.ts';
import type { AnswerSettings } from '../model/sampler.ts';
import { Verifier, type VerifierOptions } from '../model/verify/verifier.ts';
import { GREEDY } from '../sampling.ts';
import { fillState } from './synthetic-weights.ts';
import { promptIds, roomFor, type SpeedSettings } from './speed.ts';
import { median } from './timing.ts';

/** A step over several positions of one sequence, waited for as those that verify drafts are. */
export interface VerificationSpeed {
  positions: number;
  secondsPerStep: number;
  /** Of each run. */
  runs: number[];
  /** Tokens that a step gives where all drafts are right, over those that single steps give meanwhile. */
  speedUp: number;
  /** The share of drafts that has to be right for single steps not to be faster. */
  breakEven: number;
}

/** Answers with drafts and without. Seconds are those of a token. */
export interface LookupSpeed {
  context: number;
  steps: VerificationSpeed[];
  /** Of an answer that says one token over and over. */
  repeating: { without: number; lookup: number };
  /** Of an answer of random tokens, which has no drafts. */
  random: { without: number; lookup: number };
  /** GPU memory of what verifies. */
  bytes: number;
}

/** Tokens of an answer over a step's positions, so that even the widest step is taken some times. */
const STEPS = 16;

/** The token that an answer repeats. */
const REPEATED = 5;

/** No logit that a model computes comes near it. */
const CERTAIN = 1e6;

/** Tokens that measuring at `context` needs room for. */
export function roomOfLookup(context: number, settings: SpeedSettings): number {
  return roomFor(context, settings) + answerTokens(settings) + STEPS * 16;
}

function answerTokens({ tokens, warmUp }: SpeedSettings): number {
  return warmUp + Math.max(tokens, 32);
}

/**
 * Measures steps of so many positions, and answers that begin at `context`. Weights are random and repeat nothing: a bias makes
 * the answer repeat itself, so that all drafts are right.
 * @throws BambaError `out_of_memory`, `gpu_failure`.
 */
export async function measureLookup(
  model: Model,
  context: number,
  positions: readonly number[],
  options: VerifierOptions,
  settings: SpeedSettings,
): Promise<LookupSpeed | null> {
  if (!Verifier.takes(model)) return null;
  const { state, architecture, gpu } = model;
  await model.reserve(Math.min(model.contextLength, roomOfLookup(context, settings)));
  const segments = state.blocks.flatMap(({ attention }) => attention?.segments ?? []);
  const caches = segments.flatMap(({ keys, values }) => [keys.buffer, values.buffer]);
  await fillState(gpu, caches);
  state.reset();
  await model.prefill(promptIds(Math.min(16, context), architecture.vocabSize), { logits: true });
  const begin = promptIds(context, architecture.vocabSize);
  const limit = answerTokens(settings);
  const logitBias = new Map([[REPEATED, CERTAIN]]);
  const answers: Record<'repeating' | 'random', AnswerSettings> = {
    repeating: { values: { ...GREEDY, logitBias }, limit, stopIds: [], promptIds: [] },
    random: { values: { ...GREEDY, temperature: 1e4, seed: 1 }, limit, stopIds: [], promptIds: [] },
  };
  const lookup = Lookup.of(model, options)!;
  try {
    await lookup.prepare();
    const timed = async (answer: AnswerSettings) => {
      const seconds = { without: [] as number[], lookup: [] as number[] };
      for (let run = 0; run < settings.runs; run++) {
        state.tokens = [...begin];
        seconds.without.push(await secondsPerToken(generateIds(model, answer), settings.warmUp));
        state.tokens = [...begin];
        seconds.lookup.push(await secondsPerToken(generateByLookup(model, answer, lookup), settings.warmUp));
      }
      return { without: median(seconds.without), lookup: median(seconds.lookup) };
    };
    const repeating = await timed(answers.repeating);
    const random = await timed(answers.random);
    const steps = await measureSteps(model, begin, answers.repeating, positions, options, settings, repeating.without);
    return { context, steps, repeating, random, bytes: lookup.verifier?.bytes ?? 0 };
  } finally {
    lookup.dispose();
    state.reset();
  }
}

async function secondsPerToken(pieces: AsyncIterable<AnswerPiece>, warmUp: number): Promise<number> {
  let count = 0;
  let from = { count: 0, at: 0 };
  let at = 0;
  for await (const { ids } of pieces) {
    count += ids.length;
    at = performance.now();
    if (count <= warmUp || from.at === 0) from = { count, at };
  }
  return (at - from.at) / 1000 / (count - from.count);
}

async function measureSteps(
  model: Model,
  begin: readonly number[],
  answer: AnswerSettings,
  positions: readonly number[],
  options: VerifierOptions,
  { runs }: SpeedSettings,
  single: number,
): Promise<VerificationSpeed[]> {
  const { state } = model;
  const verifier = await Verifier.create(model, options.digits === undefined ? {} : { digits: options.digits });
  try {
    const found: VerificationSpeed[] = [];
    for (const width of positions) {
      await verifier.prepare(width);
      const seconds: number[] = [];
      for (let run = 0; run < runs; run++) {
        state.tokens = [...begin];
        await model.beginAnswer({ ...answer, limit: (STEPS + 2) * width });
        let start = 0;
        // The first warms up.
        for (let step = 0; step <= STEPS; step++) {
          if (step === 1) start = performance.now();
          const { ids } = await verifier.step(Array.from({ length: width }, () => REPEATED));
          state.tokens.push(...ids);
        }
        seconds.push((performance.now() - start) / 1000 / STEPS);
      }
      const secondsPerStep = median(seconds);
      const cost = secondsPerStep / single;
      const breakEven = Math.max(0, (cost - 1) / (width - 1));
      found.push({ positions: width, secondsPerStep, runs: seconds, speedUp: width / cost, breakEven });
    }
    return found;
  } finally {
    verifier.dispose();
  }
}
