import type {
  ChatMessage,
  EngineInfo,
  EngineStatus,
  GenerateOptions,
  GenerationEvent,
  GenerationRequest,
  TunableEngine,
  TuneEngineOptions,
  TuningResult,
  Usage,
} from '../../engine/protocol.ts';

const USAGE: Usage = {
  promptTokens: 7,
  cachedTokens: 3,
  completionTokens: 2,
  timeToFirstTokenS: 0.5,
  prefillTokensPerS: 8,
  decodeTokensPerS: 4,
};

/** An end of an answer. */
export function endEvent(finishReason: 'stop' | 'length' = 'stop', usage: Partial<Usage> = {}): GenerationEvent {
  return { type: 'end', finishReason, usage: { ...USAGE, ...usage } };
}

/** A piece of text, with ids that count it. */
export function textEvent(text: string, ids: number[] = [text.length]): GenerationEvent {
  return { type: 'text', text, ids };
}

/** An engine that keeps what it is asked for, and yields the same events each time. Aborted, it ends. */
export class FakeEngine implements TunableEngine {
  readonly info = { model: { name: 'fake' } } as EngineInfo;
  readonly requests: GenerationRequest[] = [];
  readonly #events: readonly GenerationEvent[];

  constructor(...events: readonly GenerationEvent[]) {
    this.#events = events;
  }

  async *generate(request: GenerationRequest, { signal }: GenerateOptions = {}): AsyncGenerator<GenerationEvent, void> {
    this.requests.push(request);
    for (const event of [{ type: 'prefill', processed: 7, total: 7 } as const, ...this.#events]) {
      await Promise.resolve();
      if (signal?.aborted) {
        yield { type: 'end', finishReason: 'abort', usage: USAGE };
        return;
      }
      yield event;
    }
  }

  async tune({ onProgress = () => {} }: TuneEngineOptions = {}): Promise<TuningResult> {
    const trial = { what: 'chunkTokens', value: 256, secondsPerToken: 0.5 } as const;
    onProgress({ trial, done: 1, total: 1 });
    return { tuning: { matvecSubgroups: 4, narrowRows: 0, chunkTokens: 256 }, trials: [trial], kept: true };
  }

  async countTokens(input: string | readonly ChatMessage[]): Promise<number> {
    return (await this.tokenize(input)).length;
  }

  /** A character is a token, and so is the end of a message. */
  async tokenize(input: string | readonly ChatMessage[]): Promise<number[]> {
    const texts = typeof input === 'string' ? [input] : input.map(({ content }) => `${content}\n`);
    return Array.from(texts.join(''), (character) => character.codePointAt(0)!);
  }

  async detokenize(ids: readonly number[]): Promise<string> {
    return String.fromCodePoint(...ids);
  }

  readonly #listeners = new Set<(status: EngineStatus) => void>();

  onStatus(listener: (status: EngineStatus) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Tells those who listen. */
  tell(status: EngineStatus): void {
    for (const listener of this.#listeners) listener(status);
  }

  async dispose(): Promise<void> {}
}
