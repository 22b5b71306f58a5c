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
import { merged } from './merge.ts';
import type { OpenAiRequest } from './openai-request.ts';
import type { CompletionUsage, RequestOptions } from './openai-types.ts';

/** The end of an answer. */
export interface AnswerEnd {
  finishReason: 'stop' | 'length';
  usage: Usage;
  /** From the request on. */
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

/**
 * The answers to a request as they come: of each prompt as many as are asked for. As many go at once as the engine answers at
 * once; they begin in order. Where one is interrupted, those that go are ended as they are, and no further one is begun.
 */
export async function* deltas(engine: Engine, asked: Asked): AsyncGenerator<Delta, void> {
  const interrupt = new AbortController();
  const { signal } = asked;
  const either = signal ? AbortSignal.any([signal, interrupt.signal]) : interrupt.signal;
  const started = performance.now();
  const sources = answersTo(engine, asked, either, started);
  for await (const arrival of merged(sources, engine.info.atOnce ?? 1, () => interrupt.abort())) {
    if ('error' in arrival) throw arrival.error;
    if (!('value' in arrival)) continue;
    const { value } = arrival;
    if (value.type === 'end' && value.isAborted) interrupt.abort();
    yield value;
  }
}

type EndedDelta = Exclude<Delta, { type: 'end' }> | (Delta & { type: 'end'; isAborted: boolean });

/** A source of deltas for each answer, in order; no more once `signal` is aborted. */
async function* answersTo(
  engine: Engine,
  { request, prompts, echo = false, answers, signal: given, queue }: Asked,
  signal: AbortSignal,
  started: number,
): AsyncGenerator<AsyncGenerator<EndedDelta>, void> {
  const requests = prompts?.map((prompt) => ({ ...request, prompt })) ?? [request];
  for (const [place, asking] of requests.entries()) {
    const echoed = echo ? new Echoes(asking) : null;
    for (let turn = 0; turn < answers; turn++) {
      if (signal.aborted) return;
      const index = place * answers + turn;
      const seed = request.seed === undefined ? {} : { seed: (request.seed + turn) % 2 ** 32 };
      const scored = turn === 0 && echoed?.isScored ? { promptLogprobs: asking.logprobs ?? 0 } : {};
      // Only the first is one to refuse: the others follow from it.
      const options = { signal, ...(index === 0 && queue !== undefined && { queue }) };
      const begun = new Once<void>();
      const events = told(engine.generate({ ...asking, ...seed, ...scored }, options), () => begun.tell());
      yield answerTo(events, { index, turn, echoed, started, signal: given });
      // Nothing else is asked before that is known.
      if (index === 0 && queue === false) await begun.known;
    }
  }
}

/** The same events. @param tell called with the first, or where there is none */
async function* told(events: AsyncIterable<GenerationEvent>, tell: () => void): AsyncGenerator<GenerationEvent> {
  try {
    for await (const event of events) {
      tell();
      yield event;
    }
  } finally {
    tell();
  }
}

/** Something that is waited for until it is told: the first time counts. */
class Once<Value> {
  tell!: (value: Value) => void;
  readonly known = new Promise<Value>((resolve) => {
    this.tell = resolve;
  });
}

/** What is echoed before each answer to a prompt: it is known, or the first answer tells. */
class Echoes {
  readonly isScored: boolean;
  readonly #withLogprobs: boolean;
  readonly #echo = new Once<Echo | null>();

  constructor(request: GenerationRequest) {
    const known = echoOf(request);
    this.#withLogprobs = request.logprobs !== undefined;
    this.isScored = known === null;
    if (known) this.#echo.tell(known);
  }

  /** The first answer's prompt. */
  hear({ text, logprobs }: GenerationEvent & { type: 'prompt' }): Echo {
    const echo = { text, logprobs: this.#withLogprobs ? logprobs : [] };
    this.#echo.tell(echo);
    return echo;
  }

  /** The first answer has ended, and may have told nothing. */
  end(): void {
    this.#echo.tell(null);
  }

  get known(): Promise<Echo | null> {
    return this.#echo.known;
  }
}

/** An answer among those to a request. */
interface Place {
  index: number;
  /** Of those to its prompt. */
  turn: number;
  echoed: Echoes | null;
  started: number;
  signal: AbortSignal | undefined;
}

async function* answerTo(
  events: AsyncIterable<GenerationEvent>,
  { index, turn, echoed, started, signal }: Place,
): AsyncGenerator<EndedDelta, void> {
  let calls = 0;
  try {
    // The first hears of what it is to tell the others in its own events.
    if (echoed && !(turn === 0 && echoed.isScored)) {
      const echo = await echoed.known;
      if (echo) yield { index, type: 'echo', echo };
    }
    for await (const event of events) {
      if (event.type === 'prompt') {
        if (echoed) yield { index, type: 'echo', echo: echoed.hear(event) };
      } else if (event.type === 'text') {
        yield { index, type: 'text', text: event.text, logprobs: event.logprobs ?? [] };
      } else if (event.type === 'toolCall') yield { index, type: 'call', call: event.call, place: calls++ };
      else if (event.type === 'end') {
        const end = endOf(event, started, signal, turn === 0);
        yield { index, type: 'end', end, calls, isAborted: event.finishReason === 'abort' };
      }
    }
  } finally {
    echoed?.end();
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
  const open = new Map<number, Omit<Answer, 'end'>>();
  const answers: Answer[] = [];
  for await (const delta of deltas(engine, asked)) {
    const { index } = delta;
    const answer = open.get(index) ?? { echo: { text: '', logprobs: [] }, text: '', calls: [], logprobs: [] };
    open.set(index, answer);
    if (delta.type === 'echo') answer.echo = delta.echo;
    else if (delta.type === 'text') {
      answer.text += delta.text;
      answer.logprobs.push(...delta.logprobs);
    } else if (delta.type === 'call') answer.calls.push(delta.call);
    else answers[index] = { ...answer, end: delta.end };
  }
  // Those that an interruption kept from beginning are not there.
  return answers.filter(() => true);
}

export function withOptions<Request extends OpenAiRequest>(
  parsed: Request,
  { signal, queue }: RequestOptions,
): Request {
  const both = [parsed.signal, signal].filter((one) => one !== undefined && one !== null);
  if (both.some((one) => one.aborted)) throw new BambaError('aborted', 'The answer was aborted before it began.');
  return { ...parsed, signal: both.length > 1 ? AbortSignal.any(both) : both[0], queue };
}

/** A prompt is that of all its answers, and counts once; speeds are those of the last answer. */
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
      e2e_latency_s: Math.max(0, ...ends.map(({ seconds }) => seconds)),
      ...(first?.usage.cacheMiss && { cache_miss_reason: missReason(first.usage.cacheMiss) }),
      ...(first?.usage.droppedTurns && { dropped_turns: first.usage.droppedTurns }),
      ...(first?.usage.acceptance !== undefined && { acceptance: first.usage.acceptance }),
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
