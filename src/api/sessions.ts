import type { ChatMessage, GenerationEvent, GenerationRequest, MovedState, TunableEngine } from '../engine/protocol.ts';
import { BambaError } from '../errors.ts';

/** The parts of an engine that sessions need; an engine of `createEngine` has all of them. */
export type SessionSource = Pick<TunableEngine, 'generate'> & {
  /** Needed by `export`. */
  exportState?: (
    messages: readonly ChatMessage[],
    options?: { signal?: AbortSignal },
  ) => Promise<Uint8Array<ArrayBuffer>>;
  /** Needed by `import`. */
  importState?: (bytes: Uint8Array, options?: { signal?: AbortSignal }) => Promise<MovedState>;
};

/** The beginning of a session: either, or nothing. */
export interface SessionStart {
  /** The system prompt, before all else. */
  system?: string;
  /** Earlier messages. */
  messages?: readonly ChatMessage[];
  /** Takes the beginning back. */
  signal?: AbortSignal;
}

/** How a question is answered: as in requests. */
export type SessionPrompt = Omit<
  GenerationRequest,
  'messages' | 'prompt' | 'tools' | 'toolChoice' | 'continueLast' | 'readAhead'
> & {
  /** Ends the answer; its text so far stays in the session. */
  signal?: AbortSignal;
};

/** Conversations that remember their messages. `engine.sessions` makes them. */
export class Sessions {
  readonly #engine: SessionSource;

  /** @param engine what answers */
  constructor(engine: SessionSource) {
    this.#engine = engine;
  }

  /**
   * Begins a session. The model reads its beginning at once, so that the first question does not wait for it.
   *
   * ```ts
   * const session = await engine.sessions.create({ system: 'Answer in one word.' });
   * console.log(await session.prompt('What is an apple?'));
   * ```
   * @param start its beginning
   * @throws BambaError `setting_invalid` for both of them; as `generate`
   */
  async create({ system, messages, signal }: SessionStart = {}): Promise<Session> {
    if (system !== undefined && messages !== undefined) {
      throw new BambaError('setting_invalid', 'A session begins with system or with messages, not with both.');
    }
    const said = system === undefined ? (messages ?? []) : [{ role: 'system' as const, content: system }];
    return new Session(this.#engine, said, await readAhead(this.#engine, said, signal));
  }

  /**
   * Goes on with a session that was exported, here or on another machine with the same package. Nothing of it is read again.
   *
   * ```ts
   * const session = await engine.sessions.import(await (await fetch('/intro.bamba')).bytes());
   * ```
   * @param bytes of `session.export`
   * @param options `signal` takes it back
   * @throws BambaError `state_invalid` for bytes that are damaged, or of another model, scheme or version; others as `generate`
   */
  async import(bytes: Uint8Array, options: { signal?: AbortSignal } = {}): Promise<Session> {
    if (!this.#engine.importState) throw cannotMove();
    const { messages, tokens } = await this.#engine.importState(bytes, options);
    return new Session(this.#engine, messages, tokens);
  }
}

/**
 * A conversation. Its state stays on the GPU as long as there is room; after that its text is read again.
 *
 * ```ts
 * for await (const text of session.stream('And a pear?')) output.append(text);
 * const other = await session.fork();
 * ```
 */
export class Session {
  readonly #engine: SessionSource;
  #messages: readonly ChatMessage[];
  #tokens: number;
  #busy = false;
  #disposed = false;

  /** @internal */
  constructor(engine: SessionSource, messages: readonly ChatMessage[], tokens: number) {
    this.#engine = engine;
    this.#messages = [...messages];
    this.#tokens = tokens;
  }

  /** The messages so far. */
  get messages(): readonly ChatMessage[] {
    return this.#messages;
  }

  /** Tokens so far, of which the next question takes up none again. */
  get tokens(): number {
    return this.#tokens;
  }

  /**
   * Asks, and resolves with the answer.
   *
   * @param text the question
   * @param options how it is answered
   * @throws BambaError `busy` while the session answers; `disposed`; as `generate`. The session is as before then.
   */
  async prompt(text: string, options: SessionPrompt = {}): Promise<string> {
    let answer = '';
    for await (const piece of this.stream(text, options)) answer += piece;
    return answer;
  }

  /**
   * Asks, and yields the answer as it comes. Leaving the loop early ends the answer; its text so far stays.
   *
   * @param text the question
   * @param options how it is answered
   * @throws BambaError as `prompt`
   */
  async *stream(text: string, { signal, ...options }: SessionPrompt = {}): AsyncGenerator<string, void> {
    this.#occupy();
    const asked: readonly ChatMessage[] = [...this.#messages, { role: 'user', content: text }];
    const turn = new Turn();
    let failed = false;
    try {
      const events = this.#engine.generate({ ...options, messages: asked }, signal ? { signal } : {});
      for await (const event of events) {
        turn.take(event);
        if (event.type === 'text' && event.text !== '') yield event.text;
      }
    } catch (error) {
      failed = true;
      throw error;
    } finally {
      this.#busy = false;
      if (!failed && turn.answer !== '') {
        this.#messages = [...asked, { role: 'assistant', content: turn.answer }];
        this.#tokens = turn.tokens;
      }
    }
  }

  /**
   * Another session that begins with all that was said in this one, of which nothing is processed again.
   *
   * @param options `signal` takes it back
   * @throws BambaError `busy` while the session answers; `disposed`; as `generate`
   */
  async fork(options: { signal?: AbortSignal } = {}): Promise<Session> {
    return this.#alone(async () => {
      const messages = this.#messages;
      // A snapshot of the end, where both part.
      return new Session(this.#engine, messages, await readAhead(this.#engine, messages, options.signal));
    });
  }

  /**
   * The session as bytes: its messages, and the state that the model has of them. `engine.sessions.import` goes on with it,
   * on any machine with the same package and version.
   *
   * ```ts
   * const file = new Blob([await session.export()]);
   * ```
   * @param options `signal` takes it back
   * @throws BambaError `busy` while the session answers; `disposed`; `prompt_empty` where nothing was said
   */
  async export(options: { signal?: AbortSignal } = {}): Promise<Uint8Array<ArrayBuffer>> {
    return this.#alone(async () => {
      if (!this.#engine.exportState) throw cannotMove();
      return this.#engine.exportState(this.#messages, options);
    });
  }

  /** Ends the session: it answers nothing any more. Its state on the GPU makes room when others need it. Idempotent. */
  dispose(): void {
    this.#disposed = true;
    this.#messages = [];
    this.#tokens = 0;
  }

  async #alone<Result>(work: () => Promise<Result>): Promise<Result> {
    this.#occupy();
    try {
      return await work();
    } finally {
      this.#busy = false;
    }
  }

  /** @throws BambaError `disposed`, `busy`. */
  #occupy(): void {
    if (this.#disposed) throw new BambaError('disposed', 'The session was disposed. Create another one.');
    if (this.#busy) {
      throw new BambaError('busy', 'The session is answering. Wait for its end, or fork the session before you ask.');
    }
    this.#busy = true;
  }
}

/** The result of one question. */
class Turn {
  answer = '';
  #prompt = 0;
  #ids = 0;

  take(event: GenerationEvent): void {
    if (event.type === 'prefill') this.#prompt = event.total;
    if (event.type === 'text') {
      this.answer += event.text;
      this.#ids += event.ids.length;
    }
  }

  get tokens(): number {
    return this.#prompt + this.#ids;
  }
}

/** Has a chat read ahead. @returns its tokens, as far as the template says so before there is a question. */
async function readAhead(
  engine: SessionSource,
  messages: readonly ChatMessage[],
  signal: AbortSignal | undefined,
): Promise<number> {
  if (messages.length === 0) return 0;
  let tokens = 0;
  try {
    for await (const event of engine.generate({ messages, readAhead: true }, signal ? { signal } : {})) {
      if (event.type !== 'end') continue;
      if (event.finishReason === 'abort') throw new BambaError('aborted', 'The session was taken back.');
      tokens = event.usage.promptTokens;
    }
  } catch (error) {
    // A template may write nothing, or nothing that it takes for a chat, until there is a question.
    if (!(error instanceof BambaError && ['prompt_empty', 'template_failed'].includes(error.code))) throw error;
  }
  return tokens;
}

function cannotMove(): BambaError {
  return new BambaError('setting_invalid', 'This engine cannot export or import states. Use one of createEngine.');
}
