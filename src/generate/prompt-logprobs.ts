import { BambaError } from '../errors.ts';
import { chunksOf } from '../model/chunks.ts';
import { forward } from '../model/forward.ts';
import type { Model } from '../model/model.ts';
import { type ChosenLogprob, tokenLogprobs } from './logprobs.ts';

/** The parts of a model that scoring needs. */
export interface ForwardModel {
  readonly architecture: { readonly vocabSize: number };
  readonly state: { reset(): void };
  /** Tokens of one pass, at most. */
  readonly chunkTokens: number;
  /** Appends tokens to the live sequence; logits (T, V). */
  forward(ids: readonly number[]): Promise<{ logits: Float32Array }>;
}

/** A model on the GPU, as scoring needs it. */
export function forwardModel(model: Model): ForwardModel {
  const { architecture, state, chunkTokens } = model;
  return { architecture, state, chunkTokens, forward: (ids) => forward(model, ids) };
}

/**
 * Reads all tokens of a text but the last one into the live sequence, which has to be empty. Yields the
 * log-probabilities of each token behind the first, a pass at a time. So memory holds the logits of one pass only.
 *
 * @param ids at least one token
 * @param count how many of the likeliest to name in each place
 * @param signal ends it between passes
 * @throws BambaError `aborted`; `gpu_failure` for logits that are no numbers; as `Model.prefill`
 */
export async function* promptLogprobs(
  model: ForwardModel,
  ids: readonly number[],
  count: number,
  signal: AbortSignal | undefined,
): AsyncGenerator<ChosenLogprob[], void> {
  const { vocabSize } = model.architecture;
  for (const [first, end] of chunksOf(ids.length - 1, model.chunkTokens)) {
    if (signal?.aborted) throw new BambaError('aborted', 'The prompt was not finished: it was aborted.');
    const { logits } = await model.forward(ids.slice(first, end));
    yield ids.slice(first + 1, end + 1).map((id, row) => {
      const one = tokenLogprobs(logits.subarray(row * vocabSize, (row + 1) * vocabSize), id, count);
      if (!Number.isNaN(one.logprob)) return one;
      throw new BambaError(
        'gpu_failure',
        'The model computed logits that are no numbers. Its weights are damaged, or a kernel is wrong on this device.',
      );
    });
  }
}
