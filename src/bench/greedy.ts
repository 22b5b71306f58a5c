import type { SamplingValues } from '../kernels/sampling-settings.ts';

/** The likeliest token every time: the sampler's least work. */
export const GREEDY: SamplingValues = {
  temperature: 0,
  topK: 0,
  topP: 1,
  minP: 0,
  repetitionPenalty: 1,
  presencePenalty: 0,
  frequencyPenalty: 0,
  logitBias: new Map(),
  seed: 0,
};
