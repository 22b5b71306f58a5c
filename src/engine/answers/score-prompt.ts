import { forwardModel, promptLogprobs } from '../../generate/prompt-logprobs.ts';
import type { StateCache } from '../../generate/state-cache.ts';
import type { Model } from '../../model/model.ts';
import type { Tokenizer } from '../../text/tokenizer.ts';
import { spelledLogprobs } from './answer-text.ts';
import type { GenerationEvent, PromptLogprob } from '../protocol.ts';

/**
 * Reads a prompt anew, all but its last token, and tells how likely each of its tokens was. Kept states are no help: they
 * have no logits of the tokens before them.
 *
 * @param count how many of the likeliest to name in each place
 * @throws BambaError `aborted`, and what `promptLogprobs` throws
 */
export async function* scorePrompt(
  { model, states, tokenizer }: { model: Model; states: StateCache; tokenizer: Tokenizer },
  ids: readonly number[],
  count: number,
  signal: AbortSignal | undefined,
): AsyncGenerator<GenerationEvent, void> {
  await states.resume([]);
  const total = ids.length;
  const [first] = spelledLogprobs(tokenizer, [{ id: ids[0]!, logprob: 0, top: [] }]);
  const logprobs: PromptLogprob[] = [{ ...first!, logprob: null }];
  yield { type: 'prefill', processed: 0, total };
  for await (const rows of promptLogprobs(forwardModel(model), ids, count, signal)) {
    logprobs.push(...spelledLogprobs(tokenizer, rows));
    yield { type: 'prefill', processed: logprobs.length - 1, total };
  }
  yield { type: 'prompt', text: tokenizer.decode(ids, { skipSpecialTokens: false }), logprobs };
}
