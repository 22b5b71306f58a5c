import type {
  ChatMessage,
  EngineInfo,
  GenerationEvent,
  GenerationRequest,
  TokenizeOptions,
  TokenizingEngine,
} from '../../engine/protocol.ts';
import { BambaError } from '../../errors.ts';
import { GREEDY } from '../../sampling.ts';
import { endEvent, textEvent } from './fake-engine.ts';

/** What an engine says to a request, piece by piece; events other than text as they are. */
export type Script = (request: GenerationRequest) => readonly (string | GenerationEvent)[];

/**
 * An engine that takes one request at a time, as real ones do, and counts a token a character, one a message, and one where
 * an answer begins.
 */
export class SessionEngine implements TokenizingEngine {
  readonly info: EngineInfo;
  readonly requests: GenerationRequest[] = [];
  disposed = 0;
  /** Answers wait for it before each piece. */
  gate: Promise<void> = Promise.resolve();
  readonly #script: Script;
  #busy = false;

  constructor(script: Script = () => ['Fine', '.'], contextLength = 1000) {
    this.#script = script;
    const sampling = { ...GREEDY, temperature: 0.8, topK: 40 };
    this.info = { model: { name: 'scripted', contextLength }, sampling } as unknown as EngineInfo;
  }

  /** Those that were answered, without those that only read. */
  get asked(): GenerationRequest[] {
    return this.requests.filter(({ readAhead }) => !readAhead);
  }

  async *generate(
    request: GenerationRequest,
    { signal }: { signal?: AbortSignal } = {},
  ): AsyncGenerator<GenerationEvent, void> {
    if (this.#busy) throw new BambaError('busy', 'One at a time.');
    this.#busy = true;
    try {
      this.requests.push(structuredClone(request));
      if (request.readAhead) {
        yield endEvent('length');
        return;
      }
      for (const piece of this.#script(request)) {
        await this.gate;
        if (signal?.aborted) {
          yield { ...endEvent(), finishReason: 'abort' } as GenerationEvent;
          return;
        }
        yield typeof piece === 'string' ? textEvent(piece) : piece;
        if (typeof piece === 'object' && piece.type === 'end') return;
      }
      yield endEvent();
    } finally {
      this.#busy = false;
    }
  }

  async countTokens(input: string | readonly ChatMessage[], options?: TokenizeOptions): Promise<number> {
    return (await this.tokenize(input, options)).length;
  }

  async tokenize(
    input: string | readonly ChatMessage[],
    { continueLast, readAhead, signal }: TokenizeOptions = {},
  ): Promise<number[]> {
    if (signal?.aborted) throw new BambaError('aborted', 'It was taken back.');
    const text = typeof input === 'string' ? input : input.map(({ content }) => `${content}\n`).join('');
    return Array.from(`${text}${continueLast || readAhead ? '' : '>'}`, (character) => character.codePointAt(0)!);
  }

  async detokenize(ids: readonly number[]): Promise<string> {
    return String.fromCodePoint(...ids);
  }

  async dispose(): Promise<void> {
    this.disposed++;
  }
}
