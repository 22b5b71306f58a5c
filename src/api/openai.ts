/**
 * The API of OpenAI's client over an engine: `chat.completions.create`, `completions.create`, `models.list`. Parameters
 * that are null count as left out; what changes nothing of an answer here is taken; any that are not named are refused.
 *
 * @module
 */

import type { CacheMiss, ChosenLogprob, Engine, GenerationEvent, ToolCall, Usage } from '../engine/protocol.ts';
import { BambaError } from '../errors.ts';
import { chatRequest, completionRequest, type OpenAiRequest } from './openai-request.ts';
import type {
  ChatCompletion,
  ChatCompletionChunk,
  ChatCompletionParams,
  ChatLogprobs,
  Completion,
  CompletionChunk,
  CompletionLogprobs,
  CompletionParams,
  CompletionUsage,
  Model,
  RequestOptions,
  TokenLogprob,
} from './openai-types.ts';

export type * from './openai-types.ts';
export { webLlmProgress, type WebLlmProgress } from './progress.ts';

/**
 * An engine behind the API of OpenAI's client. `createEngine` of the package's root has it built in; this is for engines
 * from elsewhere.
 *
 * ```ts
 * const client = new OpenAiClient(engine);
 * const answer = await client.chat.completions.create({ messages: [{ role: 'user', content: 'What is an apple?' }] });
 * console.log(answer.choices[0].message.content);
 * ```
 */
export class OpenAiClient {
  /** `chat.completions.create` answers a chat. */
  readonly chat: {
    /** Answers to chats. */
    readonly completions: ChatCompletions;
  };
  /** `completions.create` continues a text. */
  readonly completions: Completions;
  /** `models.list` names the model. */
  readonly models: Models;

  /** @param engine what answers */
  constructor(engine: Engine) {
    this.chat = { completions: new ChatCompletions(engine) };
    this.completions = new Completions(engine);
    this.models = new Models(engine);
  }
}

/** The result of an answer. */
interface Answer {
  text: string;
  calls: ToolCall[];
  logprobs: ChosenLogprob[];
  end: { finishReason: 'stop' | 'length'; usage: Usage; seconds: number };
}

type Delta = { index: number } & (
  | { type: 'text'; text: string; logprobs: ChosenLogprob[] }
  | { type: 'call'; call: ToolCall; place: number }
  | { type: 'end'; end: Answer['end']; calls: number }
);

/** Answers to chats. */
export class ChatCompletions {
  readonly #engine: Engine;

  /** @internal */
  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /**
   * Answers a chat, at once or as a stream of chunks.
   *
   * ```ts
   * const { choices, usage } = await engine.chat.completions.create({
   *   messages: [{ role: 'user', content: 'What is an apple?' }],
   *   max_tokens: 64,
   * });
   * ```
   * @throws BambaError as `Engine.generate`; `setting_invalid` for parameters that are not known; `aborted`
   */
  create(params: ChatCompletionParams & { stream?: false | null }, options?: RequestOptions): Promise<ChatCompletion>;
  create(
    params: ChatCompletionParams & { stream: true },
    options?: RequestOptions,
  ): Promise<AsyncIterable<ChatCompletionChunk>>;
  create(
    params: ChatCompletionParams,
    options?: RequestOptions,
  ): Promise<ChatCompletion | AsyncIterable<ChatCompletionChunk>>;
  async create(
    params: ChatCompletionParams,
    options: RequestOptions = {},
  ): Promise<ChatCompletion | AsyncIterable<ChatCompletionChunk>> {
    const { name } = this.#engine.info.model;
    const parsed = withOptions(chatRequest(params, name), options);
    const head = { id: `chatcmpl-${identifier()}`, created: now(), model: name };
    const wanted = parsed.request.logprobs !== undefined;
    if (params.stream) return this.#stream(parsed, head, wanted);
    const answers = await collect(this.#engine, parsed);
    return {
      ...head,
      object: 'chat.completion',
      choices: answers.map(({ text, calls, logprobs, end }, index) => ({
        index,
        message: {
          role: 'assistant',
          content: text === '' && calls.length > 0 ? null : text,
          refusal: null,
          ...(calls.length > 0 && { tool_calls: calls.map(chatCall) }),
        },
        finish_reason: calls.length > 0 ? 'tool_calls' : end.finishReason,
        logprobs: wanted ? chatLogprobs(logprobs) : null,
      })),
      usage: usageOf(answers.map(({ end }) => end)),
    };
  }

  async *#stream(
    parsed: OpenAiRequest,
    head: Pick<ChatCompletionChunk, 'id' | 'created' | 'model'>,
    wanted: boolean,
  ): AsyncGenerator<ChatCompletionChunk, void> {
    const ends: Answer['end'][] = [];
    const object = 'chat.completion.chunk';
    const common = { ...head, object, ...(parsed.includeUsage && { usage: null }) } as const;
    const begun = new Set<number>();
    for await (const delta of deltas(this.#engine, parsed)) {
      const { index } = delta;
      const role = begun.has(index) ? {} : ({ role: 'assistant' } as const);
      begun.add(index);
      const choice = { index, finish_reason: null, logprobs: null };
      if (delta.type === 'text') {
        const logprobs = wanted ? chatLogprobs(delta.logprobs) : null;
        yield { ...common, choices: [{ ...choice, delta: { ...role, content: delta.text }, logprobs }] };
      } else if (delta.type === 'call') {
        const call = { index: delta.place, ...chatCall(delta.call) };
        yield { ...common, choices: [{ ...choice, delta: { ...role, tool_calls: [call] } }] };
      } else {
        ends.push(delta.end);
        const reason = delta.calls > 0 ? 'tool_calls' : delta.end.finishReason;
        yield { ...common, choices: [{ ...choice, delta: role, finish_reason: reason }] };
      }
    }
    if (parsed.includeUsage) yield { ...common, choices: [], usage: usageOf(ends) };
  }
}

/** Continuations of texts. */
export class Completions {
  readonly #engine: Engine;

  /** @internal */
  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /**
   * Continues a text, at once or as a stream.
   *
   * ```ts
   * const { choices } = await engine.completions.create({ prompt: 'An apple is', max_tokens: 16, stop: '.' });
   * ```
   * @throws BambaError as `chat.completions.create`
   */
  create(params: CompletionParams & { stream?: false | null }, options?: RequestOptions): Promise<Completion>;
  create(
    params: CompletionParams & { stream: true },
    options?: RequestOptions,
  ): Promise<AsyncIterable<CompletionChunk>>;
  create(params: CompletionParams, options?: RequestOptions): Promise<Completion | AsyncIterable<CompletionChunk>>;
  async create(
    params: CompletionParams,
    options: RequestOptions = {},
  ): Promise<Completion | AsyncIterable<CompletionChunk>> {
    const { name } = this.#engine.info.model;
    const parsed = withOptions(completionRequest(params, name), options);
    const head = { id: `cmpl-${identifier()}`, created: now(), model: name };
    const wanted = parsed.request.logprobs !== undefined;
    if (params.stream) return this.#stream(parsed, head, wanted);
    const answers = await collect(this.#engine, parsed);
    return {
      ...head,
      object: 'text_completion',
      choices: answers.map(({ text, logprobs, end }, index) => ({
        index,
        text,
        finish_reason: end.finishReason,
        logprobs: wanted ? textLogprobs(logprobs, 0) : null,
      })),
      usage: usageOf(answers.map(({ end }) => end)),
    };
  }

  async *#stream(
    parsed: OpenAiRequest,
    head: Pick<CompletionChunk, 'id' | 'created' | 'model'>,
    wanted: boolean,
  ): AsyncGenerator<CompletionChunk, void> {
    const ends: Answer['end'][] = [];
    const object = 'text_completion';
    const common = { ...head, object, ...(parsed.includeUsage && { usage: null }) } as const;
    const lengths: number[] = [];
    for await (const delta of deltas(this.#engine, parsed)) {
      const { index } = delta;
      const choice = { index, text: '', finish_reason: null, logprobs: null };
      if (delta.type === 'text') {
        const offset = lengths[index] ?? 0;
        lengths[index] = offset + delta.logprobs.reduce((sum, { token }) => sum + token.length, 0);
        const logprobs = wanted ? textLogprobs(delta.logprobs, offset) : null;
        yield { ...common, choices: [{ ...choice, text: delta.text, logprobs }] };
      } else if (delta.type === 'end') {
        ends.push(delta.end);
        yield { ...common, choices: [{ ...choice, finish_reason: delta.end.finishReason }] };
      }
    }
    if (parsed.includeUsage) yield { ...common, choices: [], usage: usageOf(ends) };
  }
}

/** The models of an engine: it has one. */
export class Models {
  readonly #engine: Engine;
  readonly #created = now();

  /** @internal */
  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /** The model that the engine has. */
  async list(): Promise<{ object: 'list'; data: Model[] }> {
    const { name } = this.#engine.info.model;
    return { object: 'list', data: [{ id: name, object: 'model', created: this.#created, owned_by: 'bamba-web' }] };
  }
}

/** The answers to a request as they come, one after the other. */
async function* deltas(
  engine: Engine,
  { request, answers, signal, queue }: OpenAiRequest,
): AsyncGenerator<Delta, void> {
  for (let index = 0; index < answers; index++) {
    const seed = request.seed === undefined ? {} : { seed: (request.seed + index) % 2 ** 32 };
    const started = performance.now();
    let calls = 0;
    // Only the first is one to refuse: the others follow from it.
    const options = { ...(signal && { signal }), ...(index === 0 && queue !== undefined && { queue }) };
    for await (const event of engine.generate({ ...request, ...seed }, options)) {
      if (event.type === 'text') yield { index, type: 'text', text: event.text, logprobs: event.logprobs ?? [] };
      else if (event.type === 'toolCall') yield { index, type: 'call', call: event.call, place: calls++ };
      else if (event.type === 'end') {
        yield { index, type: 'end', end: endOf(event, started, signal), calls };
        if (event.finishReason === 'abort') return; // interrupted: no further answers either
      }
    }
  }
}

/** An interrupted answer ends as it is; an aborted one is not taken any more. */
function endOf(
  { finishReason, usage }: GenerationEvent & { type: 'end' },
  started: number,
  signal: AbortSignal | undefined,
): Answer['end'] {
  if (finishReason === 'abort' && signal?.aborted) throw new BambaError('aborted', 'The answer was aborted.');
  const seconds = (performance.now() - started) / 1000;
  return { finishReason: finishReason === 'length' ? 'length' : 'stop', usage, seconds };
}

async function collect(engine: Engine, request: OpenAiRequest): Promise<Answer[]> {
  const answers: Answer[] = [];
  let open = { text: '', calls: [] as ToolCall[], logprobs: [] as ChosenLogprob[] };
  for await (const delta of deltas(engine, request)) {
    if (delta.type === 'text') {
      open.text += delta.text;
      open.logprobs.push(...delta.logprobs);
    } else if (delta.type === 'call') {
      open.calls.push(delta.call);
    } else {
      answers.push({ ...open, end: delta.end });
      open = { text: '', calls: [], logprobs: [] };
    }
  }
  return answers;
}

function withOptions(parsed: OpenAiRequest, { signal, queue }: RequestOptions): OpenAiRequest {
  const both = [parsed.signal, signal].filter((one) => one !== undefined && one !== null);
  if (both.some((one) => one.aborted)) throw new BambaError('aborted', 'The answer was aborted before it began.');
  return { ...parsed, signal: both.length > 1 ? AbortSignal.any(both) : both[0], queue };
}

/** The prompt is that of all answers, and counts once; speeds are those of the last answer, times are sums. */
function usageOf(ends: readonly Answer['end'][]): CompletionUsage {
  const [first] = ends;
  const last = ends.at(-1);
  const completion = ends.reduce((sum, { usage }) => sum + usage.completionTokens, 0);
  const prompt = first?.usage.promptTokens ?? 0;
  const decodeSpeed = last?.usage.decodeTokensPerS ?? 0;
  return {
    prompt_tokens: prompt,
    completion_tokens: completion,
    total_tokens: prompt + completion,
    prompt_tokens_details: { cached_tokens: first?.usage.cachedTokens ?? 0 },
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

function chatCall({ id, name, arguments: given }: ToolCall) {
  return { id, type: 'function' as const, function: { name, arguments: given } };
}

function chatLogprobs(tokens: readonly ChosenLogprob[]): ChatLogprobs {
  const plain = ({ token, bytes, logprob }: TokenLogprob): TokenLogprob => ({ token, bytes, logprob });
  return { content: tokens.map((one) => ({ ...plain(one), top_logprobs: one.top.map(plain) })), refusal: null };
}

function textLogprobs(tokens: readonly ChosenLogprob[], offset: number): CompletionLogprobs {
  let at = offset;
  return {
    tokens: tokens.map(({ token }) => token),
    token_logprobs: tokens.map(({ logprob }) => logprob),
    top_logprobs: tokens.map(({ top }) => Object.fromEntries(top.map(({ token, logprob }) => [token, logprob]))),
    text_offset: tokens.map(({ token }) => (at += token.length) - token.length),
  };
}

function identifier(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(12)), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

function now(): number {
  return Math.floor(Date.now() / 1000);
}
