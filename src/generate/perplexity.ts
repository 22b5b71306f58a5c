import { BambaError } from '../errors.ts';
import { forward } from '../model/forward.ts';
import type { Model } from '../model/model.ts';

// How well a model predicts a text that is given: what quantization costs shows here before it shows in answers.

/** A token sequence, and which of its tokens count. */
export interface ScoredSequence {
  ids: readonly number[];
  /** 1 for each token whose prediction counts; the first token is predicted by nothing and never counts. */
  answer: readonly number[];
}

/** Sums over tokens that count, so that scores of sequences add up. */
export interface Score {
  tokens: number;
  /** Sum of negative log-likelihoods, in nats. */
  nll: number;
  /** Tokens that were the likeliest ones. */
  top1: number;
}

/** The parts of a model that scoring needs. */
export interface ForwardModel {
  readonly architecture: { readonly vocabSize: number };
  readonly state: { reset(): void };
  /** Appends tokens to the live sequence; logits (T, V). */
  forward(ids: readonly number[]): Promise<{ logits: Float32Array }>;
}

/** A model on the GPU, as scoring needs it. */
export function forwardModel(model: Model): ForwardModel {
  const { architecture, state } = model;
  return { architecture, state, forward: (ids) => forward(model, ids) };
}

/** Means over all tokens of a score. */
export function means({ tokens, nll, top1 }: Score): { nll: number; top1: number } {
  return { nll: nll / tokens, top1: top1 / tokens };
}

/** The score of all sequences together. */
export function total(scores: Iterable<Score>): Score {
  const sum: Score = { tokens: 0, nll: 0, top1: 0 };
  for (const { tokens, nll, top1 } of scores) {
    sum.tokens += tokens;
    sum.nll += nll;
    sum.top1 += top1;
  }
  return sum;
}

/**
 * Scores one sequence from an empty state. The model's live sequence is this one afterwards.
 *
 * ```ts
 * const { tokens, nll } = await scoreSequence(model, { ids: [0, 1, 322], answer: [0, 0, 1] });
 * console.log(nll / tokens);
 * ```
 * @throws BambaError `setting_invalid` for ids outside the vocabulary, `gpu_failure` for logits that are no numbers;
 * what `forward` throws.
 */
export async function scoreSequence(model: ForwardModel, { ids, answer }: ScoredSequence): Promise<Score> {
  const { vocabSize } = model.architecture;
  const strange = ids.find((id) => id >= vocabSize);
  if (strange !== undefined) {
    throw new BambaError(
      'setting_invalid',
      `The text has the token ${strange}, and the model's vocabulary ends at ${vocabSize - 1}. ` +
        'It was made with the tokenizer of another model.',
    );
  }
  model.state.reset();
  // The last token is only predicted: nothing comes after it.
  const { logits } = await model.forward(ids.slice(0, -1));
  const score: Score = { tokens: 0, nll: 0, top1: 0 };
  for (const [position, id] of ids.entries()) {
    if (position === 0 || !answer[position]) continue;
    const row = logits.subarray((position - 1) * vocabSize, position * vocabSize);
    score.tokens++;
    score.nll += negativeLogLikelihood(row, id);
    if (argmax(row) === id) score.top1++;
  }
  return score;
}

/**
 * -ln softmax(logits)[id], in f64.
 * @throws BambaError `gpu_failure` where a logit is no number.
 */
export function negativeLogLikelihood(logits: Float32Array, id: number): number {
  let largest = -Infinity;
  for (const logit of logits) largest = Math.max(largest, logit);
  let sum = 0;
  for (const logit of logits) sum += Math.exp(logit - largest);
  const nll = largest - logits[id]! + Math.log(sum);
  if (Number.isFinite(nll)) return nll;
  throw new BambaError(
    'gpu_failure',
    'The model computed logits that are no finite numbers. Its weights are damaged, or a kernel is wrong on this device.',
  );
}

/** Index of the largest value, the first one where several are equal. */
function argmax(values: Float32Array): number {
  let best = 0;
  for (let i = 1; i < values.length; i++) if (values[i]! > values[best]!) best = i;
  return best;
}
