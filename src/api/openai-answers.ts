// The answers to a request of OpenAI's API, whole or piece by piece, and their counts.

import type {
  CacheMiss,
  ChosenLogprob,
  Engine,
  GenerationEvent,
  GenerationRequest,
  PromptLogprob,
  ToolCall,
  Usage,
} from '../engine/protocol.ts';
import { BambaError } from '../errors.ts';
import type { OpenAiRequest } from './openai-request.ts';
import type { CompletionUsage, RequestOptions } from './openai-types.ts';

/** The end of an answer. */
export interface AnswerEnd {
  finishReason: 'stop' | 'length';
  usage: Usage;
  seconds: number;
  /** Whether its prompt counts: those of further answers to it are the same. */
  countsPrompt: boolean;
  /** Of the token that ended it. */
  logprob: ChosenLogprob | undefined;
}

/** What an answer echoes. */
export interface Echo {
  text: string;
  logprobs: readonly PromptLogprob[];
}

/** The result of an answer. */
export interface Answer {
  echo: Echo;
  text: string;
  calls: ToolCall[];
  logprobs: ChosenLogprob[];
  end: AnswerEnd;
}

export type Delta = { index: number } & (
  | { type: 'echo'; echo: Echo }
  | { type: 'text'; text: string; logprobs: ChosenLogprob[] }
  | { type: 'call'; call: ToolCall; place: number }
  | { type: 'end'; end: AnswerEnd; calls: number }
);

/** What is to be answered: a request, or the same one with several prompts. */
export type Asked = OpenAiRequest & { prompts?: readonly (string | readonly number[])[]; echo?: boolean };

/** The answers to a request as they come, one after the other: of each prompt in turn as many as are asked for. */
export async function* deltas(
  engine: Engine,
  { request, prompts, echo = false, answers, signal, queue }: Asked,
): AsyncGenerator<Delta, void> {
  const requests = prompts?.map((prompt) => ({ ...request, prompt })) ?? [request];
  for (const [place, asked] of requests.entries()) {
    let echoed = echo ? echoOf(asked) : null;
    for (let turn = 0; turn < answers; turn++) {
      const index = place * answers + turn;
      const seed = request.seed === undefined ? {} : { seed: (request.seed + turn) % 2 ** 32 };
      const started = performance.now();
      let calls = 0;
      // Only the first is one to refuse: the others follow from it.
      const options = { ...(signal && { signal }), ...(index === 0 && queue !== undefined && { queue }) };
      if (echoed) yield { index, type: 'echo', echo: echoed };
      const scored = echo && !echoed ? { promptLogprobs: asked.logprobs ?? 0 } : {};
      for await (const event of engine.generate({ ...asked, ...seed, ...scored }, options)) {
        if (event.type === 'prompt') {
          const logprobs = asked.logprobs === undefined ? [] : event.logprobs;
          echoed = { text: event.text, logprobs };
          yield { index, type: 'echo', echo: echoed };
        } else if (event.type === 'text') {
          yield { index, type: 'text', text: event.text, logprobs: event.logprobs ?? [] };
        } else if (event.type === 'toolCall') yield { index, type: 'call', call: event.call, place: calls++ };
        else if (event.type === 'end') {
          yield { index, type: 'end', end: endOf(event, started, signal, turn === 0), calls };
          if (event.finishReason === 'abort') return; // interrupted: no further answers either
        }
      }
    }
  }
}

/** What is echoed without asking the model; null where it has to tell. */
function echoOf({ prompt, logprobs }: GenerationRequest): Echo | null {
  return typeof prompt === 'string' && logprobs === undefined ? { text: prompt, logprobs: [] } : null;
}

/** An interrupted answer ends as it is; an aborted one is not taken any more. */
function endOf(
  { finishReason, usage, logprob }: GenerationEvent & { type: 'end' },
  started: number,
  signal: AbortSignal | undefined,
  countsPrompt: boolean,
): AnswerEnd {
  if (finishReason === 'abort' && signal?.aborted) throw new BambaError('aborted', 'The answer was aborted.');
  const seconds = (performance.now() - started) / 1000;
  return { finishReason: finishReason === 'length' ? 'length' : 'stop', usage, seconds, countsPrompt, logprob };
}

/** All answers to a request. */
export async function collect(engine: Engine, asked: Asked): Promise<Answer[]> {
  const answers: Answer[] = [];
  const begin = (): Omit<Answer, 'end'> => ({ echo: { text: '', logprobs: [] }, text: '', calls: [], logprobs: [] });
  let open = begin();
  for await (const delta of deltas(engine, asked)) {
    if (delta.type === 'echo') open.echo = delta.echo;
    else if (delta.type === 'text') {
      open.text += delta.text;
      open.logprobs.push(...delta.logprobs);
    } else if (delta.type === 'call') {
      open.calls.push(delta.call);
    } else {
      answers.push({ ...open, end: delta.end });
      open = begin();
    }
  }
  return answers;
}

export function withOptions<Request extends OpenAiRequest>(
  parsed: Request,
  { signal, queue }: RequestOptions,
): Request {
  const both = [parsed.signal, signal].filter((one) => one !== undefined && one !== null);
  if (both.some((one) => one.aborted)) throw new BambaError('aborted', 'The answer was aborted before it began.');
  return { ...parsed, signal: both.length > 1 ? AbortSignal.any(both) : both[0], queue };
}

/** A prompt is that of all its answers, and counts once; speeds are those of the last answer, times are sums. */
export function usageOf(ends: readonly AnswerEnd[]): CompletionUsage {
  const [first] = ends;
  const last = ends.at(-1);
  const read = ends.filter(({ countsPrompt }) => countsPrompt);
  const completion = ends.reduce((sum, { usage }) => sum + usage.completionTokens, 0);
  const prompt = read.reduce((sum, { usage }) => sum + usage.promptTokens, 0);
  const decodeSpeed = last?.usage.decodeTokensPerS ?? 0;
  return {
    prompt_tokens: prompt,
    completion_tokens: completion,
    total_tokens: prompt + completion,
    prompt_tokens_details: { cached_tokens: read.reduce((sum, { usage }) => sum + usage.cachedTokens, 0) },
    extra: {
      prefill_tokens_per_s: first?.usage.prefillTokensPerS ?? 0,
      decode_tokens_per_s: decodeSpeed,
      time_to_first_token_s: first?.usage.timeToFirstTokenS ?? 0,
      time_per_output_token_s: decodeSpeed > 0 ? 1 / decodeSpeed : 0,
      e2e_latency_s: ends.reduce((sum, { seconds }) => sum + seconds, 0),
      ...(first?.usage.cacheMiss && { cache_miss_reason: missReason(first.usage.cacheMiss) }),
      ...(first?.usage.droppedTurns && { dropped_turns: first.usage.droppedTurns }),
    },
  };
}

function missReason({ reason, at }: CacheMiss): NonNullable<CompletionUsage['extra']['cache_miss_reason']> {
  switch (reason) {
    case 'edited':
      return `edited at token ${at}`;
    case 'other-model':
      return 'other model';
    case 'other-template':
      return 'other template';
    default:
      return reason;
  }
}

/** A part of an id that no other request has. */
export function identifier(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(12)), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** Seconds since 1970. */
export function now(): number {
  return Math.floor(Date.now() / 1000);
}
