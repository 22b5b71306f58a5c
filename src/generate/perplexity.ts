import { BambaError } from '../errors.ts';
import { type ForwardModel, promptLogprobs } from './prompt-logprobs.ts';

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
  const score: Score = { tokens: 0, nll: 0, top1: 0 };
  let position = 0;
  for await (const rows of promptLogprobs(model, ids, 1, undefined)) {
    for (const { id, logprob, top } of rows) {
      if (!answer[++position]) continue;
      score.tokens++;
      score.nll -= logprob;
      if (top[0]?.id === id) score.top1++;
    }
  }
  return score;
}
