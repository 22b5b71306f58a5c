import { GREEDY } from '../kernels/sampling-settings.ts';
import type { Model } from './model.ts';
import { Sampler } from './sampler.ts';
import { CANDIDATES, type Tuning } from './tuning.ts';

/** A size that was tried, and what it took. */
export interface TuningTrial {
  what: 'matvecSubgroups' | 'chunkTokens';
  value: number;
  /** Seconds of a decoded token, or of a prompt's token. */
  secondsPerToken: number;
}

/** What was measured, and the best of it. */
export interface TuningReport {
  tuning: Tuning;
  trials: TuningTrial[];
}

/** A trial has to be so much faster than what stands to take its place: less is noise. */
const WORTH = 0.97;
const ROUNDS = 3;
const STEPS = 16;
const PROMPT_TOKENS = 512;

/**
 * Finds the sizes that a model is fastest with on its adapter, by running it with each: seconds of work, in which the
 * model's own sequence stays as it is. What is found is for the model's next load.
 * @param options.candidates sizes to try, of those that are tried by default.
 * @throws BambaError `out_of_memory`, `device_lost`, `gpu_failure`.
 */
export async function tuneModel(
  model: Model,
  options: { candidates?: { [What in keyof Tuning]: readonly number[] }; onTrial?: (trial: TuningTrial) => void } = {},
): Promise<TuningReport> {
  const { candidates = CANDIDATES, onTrial = () => {} } = options;
  const trials: TuningTrial[] = [];
  const tuning: Tuning = { ...model.tuning };
  const best = async (what: keyof Tuning, measure: (trial: Model) => Promise<number>) => {
    let least = Infinity;
    // What stands comes first: others have to be better than that.
    for (const value of new Set([tuning[what], ...candidates[what]])) {
      const sibling = await model.sibling({ ...tuning, [what]: value });
      try {
        const trial = { what, value, secondsPerToken: await measure(sibling) };
        trials.push(trial);
        onTrial(trial);
        if (trial.secondsPerToken >= least * WORTH) continue;
        least = trial.secondsPerToken;
        tuning[what] = value;
      } finally {
        sibling.dispose();
      }
    }
  };
  await best('matvecSubgroups', decodeSeconds);
  await best('chunkTokens', prefillSeconds);
  return { tuning, trials };
}

/** Seconds of a decoded token, the least of some rounds: whatever else goes on only adds. */
async function decodeSeconds(model: Model): Promise<number> {
  const steps = Math.min(STEPS, Sampler.maxStepsPerReport, Math.floor((model.contextLength - 2) / (ROUNDS + 1)));
  await model.reserve(1 + (ROUNDS + 1) * steps);
  await model.prefill([0], { logits: true });
  const limit = 2 + (ROUNDS + 1) * steps;
  await model.beginAnswer({ values: GREEDY, limit, stopIds: [], promptIds: [] });
  // The first warms up.
  await model.decode(steps);
  return leastSeconds(() => model.decode(steps), steps);
}

async function prefillSeconds(model: Model): Promise<number> {
  const tokens = Math.min(PROMPT_TOKENS, model.contextLength);
  const ids = Array.from({ length: tokens }, (_, index) => (index * 7919) % model.architecture.vocabSize);
  const prefill = async () => {
    model.state.reset();
    await model.prefill(ids);
  };
  await prefill();
  return leastSeconds(prefill, tokens);
}

async function leastSeconds(work: () => Promise<unknown>, tokens: number): Promise<number> {
  let least = Infinity;
  for (let round = 0; round < ROUNDS; round++) {
    const start = performance.now();
    await work();
    least = Math.min(least, (performance.now() - start) / 1000 / tokens);
  }
  return least;
}
