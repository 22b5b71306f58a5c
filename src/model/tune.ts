import { BambaError } from '../errors.ts';
import { GREEDY } from '../sampling.ts';
import type { Model } from './model.ts';
import { Sampler } from './sampler.ts';
import { CANDIDATES, type Tuning, type TuningReport, type TuningTrial } from './tuning.ts';

export interface TuneOptions {
  /** Sizes to try, of those that are tried by default. */
  candidates?: { readonly [What in keyof Tuning]: readonly number[] };
  /** Called after each trial, with how many there were and how many there will have been. */
  onTrial?: (trial: TuningTrial, done: number, total: number) => void;
  /** Ends it between two measurements. */
  signal?: AbortSignal;
}

/** A trial has to be so much faster than what stands to take its place: less is noise. */
const WORTH = 0.97;
const ROUNDS = 3;
const STEPS = 16;
/** Of the prompt that is measured: as many as the longest chunk that is tried. */
export const TUNING_TOKENS = 512;

/**
 * Finds the sizes that a model is fastest with on its adapter, by running it with each: seconds of work, in which the
 * model's own sequence stays as it is. What is found is for the model's next load.
 * @throws BambaError `aborted`, `out_of_memory`, `device_lost`, `gpu_failure`.
 */
export async function tuneModel(model: Model, options: TuneOptions = {}): Promise<TuningReport> {
  const { candidates = CANDIDATES, onTrial = () => {}, signal } = options;
  const trials: TuningTrial[] = [];
  const tuning: Tuning = { ...model.tuning };
  // What stands comes first: others have to be better than that.
  const sizes = (what: keyof Tuning) => new Set([model.tuning[what], ...candidates[what]]);
  const total = sizes('matvecSubgroups').size + sizes('narrowRows').size + sizes('chunkTokens').size;
  const best = async (what: keyof Tuning, measure: Measure) => {
    let least = Infinity;
    for (const value of sizes(what)) {
      goOn(signal);
      const sibling = await model.sibling({ ...tuning, [what]: value });
      try {
        const trial = { what, value, secondsPerToken: await measure(sibling, signal) };
        trials.push(trial);
        onTrial(trial, trials.length, total);
        if (trial.secondsPerToken >= least * WORTH) continue;
        least = trial.secondsPerToken;
        tuning[what] = value;
      } finally {
        sibling.dispose();
      }
    }
  };
  await best('matvecSubgroups', decodeSeconds);
  await best('narrowRows', prefillSeconds);
  await best('chunkTokens', prefillSeconds);
  return { tuning, trials };
}

type Measure = (trial: Model, signal: AbortSignal | undefined) => Promise<number>;

/** @throws BambaError `aborted`. */
function goOn(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new BambaError('aborted', 'Tuning was aborted.');
}

/** Seconds of a decoded token, the least of some rounds: whatever else goes on only adds. */
async function decodeSeconds(model: Model, signal: AbortSignal | undefined): Promise<number> {
  const steps = Math.min(STEPS, Sampler.maxStepsPerReport, Math.floor((model.contextLength - 2) / (ROUNDS + 1)));
  await model.reserve(1 + (ROUNDS + 1) * steps);
  await model.prefill([0], { logits: true });
  const limit = 2 + (ROUNDS + 1) * steps;
  await model.beginAnswer({ values: GREEDY, limit, stopIds: [], promptIds: [] });
  // The first warms up.
  await model.decode(steps);
  return leastSeconds(() => model.decode(steps), steps, signal);
}

async function prefillSeconds(model: Model, signal: AbortSignal | undefined): Promise<number> {
  const tokens = Math.min(TUNING_TOKENS, model.contextLength);
  const ids = Array.from({ length: tokens }, (_, index) => (index * 7919) % model.architecture.vocabSize);
  const prefill = async () => {
    model.state.reset();
    await model.prefill(ids);
  };
  await prefill();
  return leastSeconds(prefill, tokens, signal);
}

async function leastSeconds(
  work: () => Promise<unknown>,
  tokens: number,
  signal: AbortSignal | undefined,
): Promise<number> {
  let least = Infinity;
  for (let round = 0; round < ROUNDS; round++) {
    goOn(signal);
    const start = performance.now();
    await work();
    least = Math.min(least, (performance.now() - start) / 1000 / tokens);
  }
  return least;
}
