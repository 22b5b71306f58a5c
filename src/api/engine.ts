import { createEngine as createWorkerEngine } from '../engine/client.ts';
import type { Engine, EngineInfo, EngineOptions, GenerationEvent, GenerationRequest } from '../engine/protocol.ts';
import { type ChatCompletions, type Completions, type Models, OpenAiClient } from './openai.ts';

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
export class BambaEngine implements Engine {
  /** `chat.completions.create` answers a chat. */
  readonly chat: {
    /** Answers to chats. */
    readonly completions: ChatCompletions;
  };
  /** `completions.create` continues a text. */
  readonly completions: Completions;
  /** `models.list` names the model. */
  readonly models: Models;
  readonly #engine: Engine;
  readonly #running = new Set<AbortController>();

  /** @param engine what answers; one that `createEngine` did not make */
  constructor(engine: Engine) {
    this.#engine = engine;
    const { chat, completions, models } = new OpenAiClient(this);
    this.chat = chat;
    this.completions = completions;
    this.models = models;
  }

  /** What is loaded, and where it runs. */
  get info(): EngineInfo {
    return this.#engine.info;
  }

  /**
   * Answers one request, streaming: events of everything, of which the methods by OpenAI's names are made. Leaving the
   * loop early or aborting `signal` stops it; what is kept is then exactly that of the tokens that were yielded.
   *
   * ```ts
   * for await (const event of engine.generate({ messages })) if (event.type === 'text') output.append(event.text);
   * ```
   * @param options `signal` stops the answer, which then ends with the reason `abort`
   * @throws BambaError `busy` while another generation runs; `setting_invalid`, `prompt_empty`, `prompt_too_long`,
   * `template_failed`, `device_lost`, `disposed`
   */
  async *generate(
    request: GenerationRequest,
    options: { signal?: AbortSignal } = {},
  ): AsyncGenerator<GenerationEvent, void> {
    const { signal } = options;
    const interrupt = new AbortController();
    this.#running.add(interrupt);
    try {
      const either = signal ? AbortSignal.any([signal, interrupt.signal]) : interrupt.signal;
      yield* this.#engine.generate(request, { signal: either });
    } finally {
      this.#running.delete(interrupt);
    }
  }

  /**
   * Ends the answer that is being generated as it is: it is not an error, and its text so far stands. With `n` above 1 no
   * further one is begun.
   */
  interruptGenerate(): void {
    for (const running of this.#running) running.abort();
  }

  /** Frees the GPU and ends the worker. Idempotent. */
  dispose(): Promise<void> {
    return this.#engine.dispose();
  }
}
