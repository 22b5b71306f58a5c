import { createEngine as createWorkerEngine } from '../engine/client.ts';
import type { Engine, EngineInfo, EngineOptions, GenerationEvent, GenerationRequest } from '../engine/protocol.ts';
import { OpenAiClient } from './openai.ts';

/**
 * Loads a model in a worker of its own and resolves when it can answer.
 *
 * ```ts
 * const engine = await createEngine({ model: '/models/lexicon/' });
 * const answer = await engine.chat.completions.create({ messages: [{ role: 'user', content: 'What is an apple?' }] });
 * console.log(answer.choices[0].message.content);
 * ```
 * @throws BambaError `webgpu_unavailable`, `adapter_limit`, `out_of_memory`, `network`, `shard_corrupt`,
 * `manifest_invalid`, `storage_full`, `unsupported_model`, `setting_invalid`, `aborted` and others; each says what to do.
 */
export async function createEngine(options: EngineOptions): Promise<BambaEngine> {
  return new BambaEngine(await createWorkerEngine(options));
}

/** An engine with the API of OpenAI's client. */
export class BambaEngine implements Engine {
  readonly chat: OpenAiClient['chat'];
  readonly completions: OpenAiClient['completions'];
  readonly models: OpenAiClient['models'];
  readonly #engine: Engine;
  readonly #running = new Set<AbortController>();

  constructor(engine: Engine) {
    this.#engine = engine;
    const { chat, completions, models } = new OpenAiClient(this);
    this.chat = chat;
    this.completions = completions;
    this.models = models;
  }

  get info(): EngineInfo {
    return this.#engine.info;
  }

  async *generate(
    request: GenerationRequest,
    { signal }: { signal?: AbortSignal } = {},
  ): AsyncGenerator<GenerationEvent, void> {
    const interrupt = new AbortController();
    this.#running.add(interrupt);
    try {
      const either = signal ? AbortSignal.any([signal, interrupt.signal]) : interrupt.signal;
      yield* this.#engine.generate(request, { signal: either });
    } finally {
      this.#running.delete(interrupt);
    }
  }

  /** Ends the answer that is being generated as it is: it is not an error, and its text so far stands. */
  interruptGenerate(): void {
    for (const running of this.#running) running.abort();
  }

  dispose(): Promise<void> {
    return this.#engine.dispose();
  }
}
