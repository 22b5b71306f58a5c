import { BambaError } from '../../errors.ts';
import type { SamplingValues } from '../../sampling.ts';

/** Bytes of `struct Sampling`, see shaders/lib/sampling.wgsl. */
export const SAMPLING_BYTES = 300;

/** Ids that end an answer, at most. */
export const MAX_STOP_IDS = 64;

/** Largest vocabulary: the sampler's sums of weights stay below 2^64. */
export const MAX_VOCABULARY = 262_144;

const FLAG_PENALTIES = 1;
const FLAG_BIAS = 2;
const FLAG_MASK = 4;
const OFF = -3e38;

/** Below, all but the likeliest logit has no weight in f32; it keeps the distance over the temperature finite. */
const LEAST_TEMPERATURE = 1e-7;
/** Keeps penalized logits, at most 1e30 in magnitude, finite. */
const LEAST_REPETITION_PENALTY = 1e-6;

/**
 * The bytes of `struct Sampling`.
 * @param answer `limit`: tokens of the answer after which it ends, at least 1; `stopIds`: ids that end it; `masked`:
 * whether every step has a mask.
 * @throws BambaError `setting_invalid` for more than MAX_STOP_IDS stop ids or a limit below 1.
 */
export function packSampling(
  values: SamplingValues,
  answer: { limit: number; stopIds: readonly number[]; masked?: boolean },
): ArrayBuffer {
  const { limit, stopIds, masked = false } = answer;
  if (stopIds.length > MAX_STOP_IDS) {
    throw new BambaError('setting_invalid', `There are ${stopIds.length} stop ids. Give at most ${MAX_STOP_IDS}.`);
  }
  if (!Number.isInteger(limit) || limit < 1 || limit > 0xffffffff) {
    throw new BambaError('setting_invalid', `An answer of ${limit} tokens cannot be asked for. Ask for at least 1.`);
  }
  const { repetitionPenalty, presencePenalty, frequencyPenalty } = values;
  const penalized = repetitionPenalty !== 1 || presencePenalty !== 0 || frequencyPenalty !== 0;
  const view = new DataView(new ArrayBuffer(SAMPLING_BYTES));
  view.setFloat32(0, values.temperature === 0 ? 0 : Math.max(values.temperature, LEAST_TEMPERATURE), true);
  view.setUint32(4, Math.min(values.topK, MAX_VOCABULARY), true);
  // Rounded down, so that a sum that is exactly p is enough.
  view.setUint32(8, values.topP >= 1 ? 0 : Math.max(1, Math.floor(values.topP * 2 ** 32)), true);
  view.setFloat32(12, values.minP > 0 ? Math.log(values.minP) : OFF, true);
  view.setFloat32(16, Math.max(repetitionPenalty, LEAST_REPETITION_PENALTY), true);
  view.setFloat32(20, presencePenalty, true);
  view.setFloat32(24, frequencyPenalty, true);
  view.setUint32(28, values.seed, true);
  view.setUint32(32, limit, true);
  const flags =
    (penalized ? FLAG_PENALTIES : 0) | (values.logitBias.size > 0 ? FLAG_BIAS : 0) | (masked ? FLAG_MASK : 0);
  view.setUint32(36, flags, true);
  view.setUint32(40, stopIds.length, true);
  for (const [index, id] of stopIds.entries()) view.setUint32(44 + 4 * index, id, true);
  return view.buffer;
}

/** The bias of every token of a vocabulary, (V) f32. */
export function denseBias(logitBias: ReadonlyMap<number, number>, vocabulary: number): Float32Array<ArrayBuffer> {
  const bias = new Float32Array(vocabulary);
  for (const [id, value] of logitBias) bias[id] = value;
  return bias;
}

/**
 * The counts of every token of a vocabulary before an answer begins, or goes on, (V) u32: bit 31 marks the ids of the
 * prompt. The sampler adds the tokens of the answer in the other bits.
 * @param answered tokens that the answer has already
 */
export function promptCounts(
  promptIds: Iterable<number>,
  vocabulary: number,
  answered: Iterable<number> = [],
): Uint32Array<ArrayBuffer> {
  const counts = new Uint32Array(vocabulary);
  for (const id of promptIds) counts[id] = 0x80000000;
  for (const id of answered) counts[id]!++;
  return counts;
}

/** @throws BambaError `unsupported_model` for a vocabulary that the sampler does not take. */
export function checkVocabulary(vocabulary: number): void {
  if (!Number.isInteger(vocabulary) || vocabulary < 1 || vocabulary > MAX_VOCABULARY) {
    throw new BambaError(
      'unsupported_model',
      `The model has a vocabulary of ${vocabulary} tokens; the sampler takes 1 to ${MAX_VOCABULARY}.`,
    );
  }
}
