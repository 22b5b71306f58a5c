import { createEngine as createWorkerEngine } from '../engine/client.ts';
import type {
  ChatMessage,
  DetokenizeOptions,
  EngineInfo,
  EngineOptions,
  EngineStatus,
  GenerateOptions,
  GenerationEvent,
  GenerationRequest,
  TokenizeOptions,
  TunableEngine,
  TuneEngineOptions,
  TuningResult,
} from '../engine/protocol.ts';
import { generateMany, type ManyEvent, type ManyOptions } from './many.ts';
import { type ChatCompletions, type Completions, type Models, OpenAiClient } from './openai.ts';
import { Sessions, type SessionSource } from './sessions.ts';

/**
 * Loads a model in a worker of its own and resolves when it can answer.
 *
 * ```ts
 * const engine = await createEngine({ model: '/models/lexicon/' });
 * const answer = await engine.chat.completions.create({ messages: [{ role: 'user', content: 'What is an apple?' }] });
 * console.log(answer.choices[0].message.content);
 * ```
 * @param options what to load, and how
 * @throws BambaError `webgpu_unavailable`, `adapter_limit`, `out_of_memory`, `network`, `shard_corrupt`,
 * `manifest_invalid`, `storage_full`, `unsupported_model`, `setting_invalid`, `aborted` and others; each says what to do.
 */
export async function createEngine(options: EngineOptions): Promise<BambaEngine> {
  return new BambaEngine(await createWorkerEngine(options));
}

/**
 * An engine with the API of OpenAI's client. `createEngine` makes one.
 *
 * ```ts
 * const stream = await engine.chat.completions.create({ messages, stream: true });
 * for await (const { choices } of stream) output.append(choices[0]?.delta.content ?? '');
 * await engine.dispose();
 * ```
 */
export class BambaEngine implements TunableEngine {
  /** `chat.completions.create` answers a chat. */
  readonly chat: {
    /** Answers to chats. */
    readonly completions: ChatCompletions;
  };
  /** `completions.create` continues a text. */
  readonly completions: Completions;
  /** `models.list` names the model. */
  readonly models: Models;
  /** `sessions.create` begins a conversation that remembers what was said. */
  readonly sessions: Sessions;
  readonly #engine: TunableEngine & SessionSource;
  readonly #running = new Set<AbortController>();

  /** @param engine what answers; one that `createEngine` did not make */
  constructor(engine: TunableEngine & SessionSource) {
    this.#engine = engine;
    const { exportState, importState } = engine;
    this.sessions = new Sessions({
      generate: (request, options) => this.generate(request, options),
      ...(exportState && { exportState: exportState.bind(engine) }),
      ...(importState && { importState: importState.bind(engine) }),
    });
    const { chat, completions, models } = new OpenAiClient(this);
    this.chat = chat;
    this.completions = completions;
    this.models = models;
  }

  /** The loaded model, and its adapter. */
  get info(): EngineInfo {
    return this.#engine.info;
  }

  /**
   * Answers one request, streaming: events of everything, of which the methods by OpenAI's names are made. Up to
   * `info.atOnce` requests are answered at once; others wait, first come, first served. Leaving the loop early or aborting `signal` stops it; what is kept is then exactly that of the
   * tokens that were yielded.
   *
   * ```ts
   * for await (const event of engine.generate({ messages })) if (event.type === 'text') output.append(event.text);
   * ```
   * @param options what stops the answer, and whether it waits for others
   * @throws BambaError `busy` with `queue: false` while another request runs; `aborted` where `signal` took the request back
   * before its turn; `setting_invalid`, `prompt_empty`, `prompt_too_long`, `template_failed`, `device_lost`, `disposed`
   */
  async *generate(request: GenerationRequest, options: GenerateOptions = {}): AsyncGenerator<GenerationEvent, void> {
    const { signal, queue } = options;
    const interrupt = new AbortController();
    this.#running.add(interrupt);
    try {
      const either = signal ? AbortSignal.any([signal, interrupt.signal]) : interrupt.signal;
      yield* this.#engine.generate(request, { signal: either, ...(queue !== undefined && { queue }) });
    } finally {
      this.#running.delete(interrupt);
    }
  }

  /**
   * Answers many requests, as many at once as the engine can: the weights are read once for all of them. A request that fails
   * is told of in its place, and the others go on.
   *
   * ```ts
   * const texts = questions.map(() => '');
   * for await (const one of engine.generateMany(questions.map((prompt) => ({ prompt })))) {
   *   if ('error' in one) console.warn(one.index, one.error.message);
   *   else if (one.event.type === 'text') texts[one.index] += one.event.text;
   * }
   * ```
   * @param requests any number of them, as those of `generate`; the next one is taken when one has ended
   * @param options how many go at once, and what stops them
   * @returns events of all requests as they come, each with the place of its request; those of one request in order
   * @throws BambaError `setting_invalid` where `most` is no whole number from 1 on; what taking a request throws
   */
  generateMany(
    requests: Iterable<GenerationRequest> | AsyncIterable<GenerationRequest>,
    options?: ManyOptions,
  ): AsyncGenerator<ManyEvent, void> {
    return generateMany(this, requests, options);
  }

  /**
   * Ends the answer that was begun first as it is: it is not an error, and its text so far stands. With `n` above 1 its
   * other answers end, too. Other requests stay.
   */
  interruptGenerate(): void {
    const [running] = this.#running;
    running?.abort();
  }

  /**
   * Tries sizes of kernels by running the loaded model with each: the best ones differ between adapters. It takes some
   * seconds on a GPU, in which the engine answers nothing. The fastest are kept in IndexedDB for this adapter and this
   * version, and models that are loaded from then on have them. It runs when it is called, never by itself; what is loaded,
   * and the chat that it knows, stay as they are.
   *
   * ```ts
   * const { tuning, kept } = await engine.tune({ onProgress: ({ done, total }) => console.log(`${done} of ${total}`) });
   * ```
   * @param options who is told how far it is, and what ends it
   * @throws BambaError `busy` with `queue: false` while something else runs; `setting_invalid` for a context of less than 512
   * tokens; `aborted`, `disposed`, `out_of_memory`, `device_lost`, `gpu_failure`.
   */
  tune(options?: TuneEngineOptions): Promise<TuningResult> {
    return this.#engine.tune(options);
  }

  /**
   * The number of tokens that the model would read for a request. It does not wait for an answer that is being written.
   *
   * ```ts
   * const room = engine.info.model.contextLength - (await engine.countTokens(messages));
   * ```
   * @param input a chat, as `messages`, or a text, as `prompt`; it may be empty
   * @param options tools that take room, how the chat ends, and what ends the counting
   * @throws BambaError `template_failed`, `setting_invalid`, `aborted`, `disposed`, `worker_failed`
   */
  countTokens(input: string | readonly ChatMessage[], options?: TokenizeOptions): Promise<number> {
    return this.#engine.countTokens(input, options);
  }

  /**
   * The ids of the tokens that the model would read for a request. They include those of the chat template, or those that
   * the tokenizer puts around a text.
   *
   * ```ts
   * for await (const event of engine.generate({ prompt: await engine.tokenize(messages) })) show(event);
   * ```
   * @param input as that of `countTokens`
   * @param options as those of `countTokens`
   * @throws BambaError as `countTokens`
   */
  tokenize(input: string | readonly ChatMessage[], options?: TokenizeOptions): Promise<number[]> {
    return this.#engine.tokenize(input, options);
  }

  /**
   * The text of tokens. Bytes that form no character give U+FFFD, ids beyond the vocabulary nothing.
   *
   * ```ts
   * await engine.detokenize(await engine.tokenize('An apple'), { skipSpecialTokens: true }); // 'An apple'
   * ```
   * @param ids whole numbers from 0 on
   * @param options whether special tokens are left out, and what ends it
   * @throws BambaError `setting_invalid`, `aborted`, `disposed`, `worker_failed`
   */
  detokenize(ids: readonly number[], options?: DetokenizeOptions): Promise<string> {
    return this.#engine.detokenize(ids, options);
  }

  /**
   * Adds a listener for losses of the GPU or the worker, and for the engine's return. It comes back by itself: the model is
   * loaded again from the browser's storage, and the current answer goes on.
   *
   * ```ts
   * const stop = engine.onStatus(({ status, message }) => console.log(status, message));
   * ```
   * @param listener called with each change
   * @returns ends that
   */
  onStatus(listener: (status: EngineStatus) => void): () => void {
    return this.#engine.onStatus(listener);
  }

  /** Frees the GPU and ends the worker. Idempotent. */
  dispose(): Promise<void> {
    return this.#engine.dispose();
  }
}
