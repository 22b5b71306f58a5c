import { expect } from 'vitest';
import { forward } from '../../reference/forward.ts';
import { argmax, keptTokens, processLogits, sample } from '../../reference/sample.ts';
import { GREEDY as NEUTRAL, type SamplingValues } from '../../sampling.ts';
import { NO_SPECIAL, readTinyModel } from './tiny-model.ts';

/** The likeliest token that is not special (`NO_SPECIAL`). */
export const GREEDY: SamplingValues = {
  ...NEUTRAL,
  logitBias: new Map(Object.entries(NO_SPECIAL).map(([id, bias]): [number, number] => [Number(id), bias])),
};

/** Logits may be off by so much of their largest magnitude, here and there. */
const TOLERANCE = 2e-4;

/** The tiny model's weights in f64; read once. */
let tiny: ReturnType<typeof readTinyModel> | undefined;

/**
 * Holds every token of an answer of the tiny model to the reference in f64, each after the tokens that the engine had
 * chosen before it. Greedy, a token must be the best or within rounding of it; sampled, it must be one that the filters
 * keep, and nearly always the very one that the seed draws.
 */
export async function expectReferenceAnswer(
  promptIds: readonly number[],
  ids: readonly number[],
  settings: SamplingValues = GREEDY,
): Promise<void> {
  tiny ??= readTinyModel();
  const { architecture, tensors } = await tiny;
  const { vocabSize } = architecture;
  const { logits } = forward(architecture, tensors, [...promptIds, ...ids]);
  const counts = new Uint32Array(vocabSize);
  for (const id of promptIds) counts[id] = 0x80000000;
  let same = 0;
  for (const [place, id] of ids.entries()) {
    const row = promptIds.length - 1 + place;
    const processed = processLogits(logits.subarray(row * vocabSize, (row + 1) * vocabSize), counts, settings);
    if (sample(processed, settings, place) === id) same++;
    if (settings.temperature === 0) {
      const best = processed[argmax(processed)]!;
      const largest = processed.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
      expect(best - processed[id]!, `token ${place} of the answer`).toBeLessThanOrEqual(2 * TOLERANCE * largest);
    } else {
      expect(keptTokens(processed, { ...settings, topP: Math.min(1, settings.topP + TOLERANCE) })[id]).toBe(true);
    }
    counts[id] = counts[id]! + 1;
  }
  expect(ids.length).toBeGreaterThan(0);
  expect(same / ids.length).toBeGreaterThanOrEqual(0.95);
}

/** The log-probabilities (V) of every token of the tiny model in each place of an answer, in f64. */
export async function referenceLogprobs(promptIds: readonly number[], ids: readonly number[]): Promise<number[][]> {
  tiny ??= readTinyModel();
  const { architecture, tensors } = await tiny;
  const { vocabSize } = architecture;
  const { logits } = forward(architecture, tensors, [...promptIds, ...ids]);
  return ids.map((_, place) => {
    const row = promptIds.length - 1 + place;
    const values = [...logits.subarray(row * vocabSize, (row + 1) * vocabSize)];
    const logTotal = Math.log(values.reduce((sum, value) => sum + Math.exp(value), 0));
    return values.map((value) => value - logTotal);
  });
}
