import { BambaError } from '../errors.ts';
import type { GenerationEvent, GenerationRequest, TokenizingEngine } from '../engine/protocol.ts';
import type { ScoredSequence } from '../generate/perplexity.ts';

/** Sums over the tokens of a sequence that count. */
export interface SequenceScore {
  tokens: number;
  /** Of negative log-likelihoods, in nats. */
  nll: number;
  /** Of their squares. */
  squares: number;
  /** Tokens that were the likeliest ones. */
  top1: number;
}

/**
 * Scores a sequence: the engine tells how likely each of its tokens is, and those that count are summed.
 *
 * @param where it stands, for people
 * @throws BambaError `prompt_too_long` where the context has no room for it; `aborted`, and what the engine throws
 */
export async function scoreTokens(
  engine: TokenizingEngine,
  { ids, answer }: ScoredSequence,
  where: string,
  signal: AbortSignal | undefined,
): Promise<SequenceScore> {
  requireRoom(engine, ids.length, where);
  const score: SequenceScore = { tokens: 0, nll: 0, squares: 0, top1: 0 };
  // The equal of the likeliest token's is found, as the likeliest token may have several spellings.
  for await (const event of ask(engine, { prompt: ids, promptLogprobs: 1, maxTokens: 0 }, signal)) {
    if (event.type !== 'prompt') continue;
    for (const [position, { logprob, top }] of event.logprobs.entries()) {
      if (!answer[position] || logprob === null) continue;
      score.tokens++;
      score.nll -= logprob;
      score.squares += logprob * logprob;
      if (logprob === top[0]?.logprob) score.top1++;
    }
  }
  return score;
}

/**
 * The greedy answer to a prompt.
 * @param stop texts before which it ends
 * @throws BambaError as `scoreTokens`
 */
export async function greedyAnswer(
  engine: TokenizingEngine,
  prompt: readonly number[],
  { stop, maxTokens, where }: { stop: string[]; maxTokens: number; where: string },
  signal: AbortSignal | undefined,
): Promise<string> {
  requireRoom(engine, prompt.length + maxTokens, where);
  const settings = { temperature: 0, repetitionPenalty: 1, presencePenalty: 0, frequencyPenalty: 0 };
  let text = '';
  for await (const event of ask(engine, { ...settings, prompt, stop, maxTokens }, signal)) {
    if (event.type === 'text') text += event.text;
  }
  return text;
}

async function* ask(
  engine: TokenizingEngine,
  request: GenerationRequest,
  signal: AbortSignal | undefined,
): AsyncGenerator<GenerationEvent, void> {
  for await (const event of engine.generate(request, { ...(signal && { signal }) })) {
    if (event.type === 'end' && event.finishReason === 'abort') {
      throw new BambaError('aborted', 'The evaluation was stopped.');
    }
    yield event;
  }
}

function requireRoom(engine: TokenizingEngine, tokens: number, where: string): void {
  const { contextLength } = engine.info.model;
  if (tokens <= contextLength) return;
  throw new BambaError(
    'prompt_too_long',
    `${where} takes ${tokens} tokens, and the model has a context of ${contextLength}. ` +
      'Load it with more, show fewer examples, or leave this out.',
  );
}
