import { rowDivergence } from '../../bench/compare/row-divergence.ts';
import { BambaError } from '../../errors.ts';
import { chunksOf } from '../../model/chunks.ts';
import { forward } from '../../model/forward.ts';
import type { Model } from '../../model/model.ts';

/** How far a model is from its reference, over all tokens of a text. */
export interface Divergence {
  /** e to the mean negative log-likelihood of the text's tokens. */
  perplexity: number;
  /** Share of places in which both hold the same token for the likeliest. */
  top1: number;
  /** Kullback-Leibler divergence from the reference, in nats: mean, and what 99 of 100 places stay below. */
  klMean: number;
  kl99: number;
}

/** Logits of all places of all sequences, (T, V) each. */
export type TextLogits = readonly Float32Array[];

/** What the logits of a text may take of memory. */
const MOST_LOGIT_BYTES = 2 ** 31;

/**
 * The logits of a model over token sequences, each from an empty state.
 * @throws BambaError `setting_invalid` where they take too much memory; as `forward`
 */
export async function textLogits(model: Model, sequences: readonly (readonly number[])[]): Promise<Float32Array[]> {
  const { vocabSize } = model.architecture;
  const tokens = sequences.reduce((sum, { length }) => sum + length, 0);
  if (tokens * vocabSize * 4 > MOST_LOGIT_BYTES) {
    const most = Math.floor(MOST_LOGIT_BYTES / 4 / vocabSize);
    throw new BambaError(
      'setting_invalid',
      `${tokens} tokens are too many to compare: give --tokens ${most} or fewer.`,
    );
  }
  const all: Float32Array[] = [];
  for (const ids of sequences) {
    model.state.reset();
    const logits = new Float32Array(ids.length * vocabSize);
    for (const [first, end] of chunksOf(ids.length, model.chunkTokens)) {
      logits.set((await forward(model, ids.slice(first, end))).logits, first * vocabSize);
    }
    all.push(logits);
  }
  return all;
}

/**
 * Compares the logits of a model with those of its reference.
 *
 * @param sequences whose logits they are
 * @throws BambaError `gpu_failure` for logits that are no numbers
 */
export function divergence(
  reference: TextLogits,
  logits: TextLogits,
  sequences: readonly (readonly number[])[],
): Divergence {
  const kls: number[] = [];
  let [nll, predicted, agreed] = [0, 0, 0];
  for (const [index, ids] of sequences.entries()) {
    const vocabSize = logits[index]!.length / ids.length;
    for (let row = 0; row < ids.length; row++) {
      const begin = row * vocabSize;
      const [p, q] = [reference, logits].map((all) => all[index]!.subarray(begin, begin + vocabSize)) as [
        Float32Array,
        Float32Array,
      ];
      const { kl, agrees, logprob } = rowDivergence(p, q);
      kls.push(kl);
      if (agrees) agreed++;
      const next = ids[row + 1];
      if (next === undefined) continue;
      nll -= logprob(next);
      predicted++;
    }
  }
  const ordered = Float64Array.from(kls).toSorted();
  return {
    perplexity: Math.exp(nll / predicted),
    top1: agreed / kls.length,
    klMean: kls.reduce((sum, kl) => sum + kl, 0) / kls.length,
    kl99: ordered[Math.min(ordered.length - 1, Math.floor(0.99 * ordered.length))]!,
  };
}
