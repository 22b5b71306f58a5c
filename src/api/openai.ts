/**
 * The API of OpenAI's client over an engine: `chat.completions.create`, `completions.create`, `models.list`. Parameters
 * that are null count as left out; what changes nothing of an answer here is taken; any that are not named are refused.
 *
 * @module
 */

import type { ChosenLogprob, Engine, ToolCall } from '../engine/protocol.ts';
import { type AnswerEnd, collect, deltas, identifier, now, usageOf, withOptions } from './openai-answers.ts';
import { Completions } from './openai-completions.ts';
import { chatRequest, type OpenAiRequest } from './openai-request.ts';
import type {
  ChatCompletion,
  ChatCompletionChunk,
  ChatCompletionParams,
  ChatLogprobs,
  Model,
  RequestOptions,
  TokenLogprob,
} from './openai-types.ts';

export { Completions } from './openai-completions.ts';
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
    const ends: AnswerEnd[] = [];
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
      } else if (delta.type === 'end') {
        ends[index] = delta.end;
        const reason = delta.calls > 0 ? 'tool_calls' : delta.end.finishReason;
        yield { ...common, choices: [{ ...choice, delta: role, finish_reason: reason }] };
      }
    }
    if (parsed.includeUsage) yield { ...common, choices: [], usage: usageOf(ends.filter(() => true)) };
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

  /** The name of the model that the engine has. */
  get name(): string {
    return this.#engine.info.model.name;
  }

  /** The model that the engine has. */
  async list(): Promise<{ object: 'list'; data: Model[] }> {
    return {
      object: 'list',
      data: [{ id: this.name, object: 'model', created: this.#created, owned_by: 'bamba-web' }],
    };
  }
}

function chatCall({ id, name, arguments: given }: ToolCall) {
  return { id, type: 'function' as const, function: { name, arguments: given } };
}

function chatLogprobs(tokens: readonly ChosenLogprob[]): ChatLogprobs {
  const plain = ({ token, bytes, logprob }: TokenLogprob): TokenLogprob => ({ token, bytes, logprob });
  return { content: tokens.map((one) => ({ ...plain(one), top_logprobs: one.top.map(plain) })), refusal: null };
}
