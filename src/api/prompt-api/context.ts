import type { ChatMessage, GenerationRequest, TokenizingEngine, Tool } from '../../engine/protocol.ts';
import { BambaError } from '../../errors.ts';
import { quotaExceeded } from './faults.ts';

/** How what is read ends: where an answer begins, within one, or with the last message. */
export type Ending = Pick<GenerationRequest, 'continueLast' | 'readAhead'>;

/** The parts of a conversation. */
export interface ContextOptions {
  tools: readonly Tool[];
  /** Messages at the beginning that are never dropped. */
  pinned: number;
}

/** A conversation, and the tokens that it takes. It is kept by its text alone: states of the model are the engine's. */
export class Context {
  readonly tools: readonly Tool[];
  readonly #engine: TokenizingEngine;
  #messages: readonly ChatMessage[] = [];
  #pinned: number;
  #usage = 0;

  constructor(engine: TokenizingEngine, { tools, pinned }: ContextOptions) {
    this.#engine = engine;
    this.tools = tools;
    this.#pinned = pinned;
  }

  /** The same conversation, to go its own way. */
  copy(): Context {
    const copy = new Context(this.#engine, { tools: this.tools, pinned: this.#pinned });
    copy.#messages = this.#messages;
    copy.#usage = this.#usage;
    return copy;
  }

  get messages(): readonly ChatMessage[] {
    return this.#messages;
  }

  /** Tokens of the conversation so far. */
  get usage(): number {
    return this.#usage;
  }

  /** Tokens that there is room for. */
  get window(): number {
    return this.#engine.info.model.contextLength;
  }

  /** Tokens of the conversation with more messages. @throws as `TokenizingEngine.countTokens`. */
  async count(added: readonly ChatMessage[], ending: Ending, signal: AbortSignal): Promise<number> {
    return this.#countAll([...this.#messages, ...added], ending, signal);
  }

  async #countAll(messages: readonly ChatMessage[], ending: Ending, signal: AbortSignal): Promise<number> {
    return messages.length === 0 ? 0 : this.#engine.countTokens(messages, { ...ending, tools: this.tools, signal });
  }

  /**
   * Drops the oldest rounds of question and answer until there is room for more messages and a token behind them.
   * @returns whether some had to go
   * @throws DOMException `QuotaExceededError` where there is no room without any of them; then all stay
   */
  async makeRoom(added: readonly ChatMessage[], ending: Ending, signal: AbortSignal): Promise<boolean> {
    const without = this.#withoutRounds();
    const tokens = async (rounds: number) => this.#countAll([...without[rounds]!, ...added], ending, signal);
    if ((await tokens(0)) < this.window) return false;
    let most = without.length - 1;
    const least = await tokens(most);
    if (least >= this.window) throw quotaExceeded(least, this.window);
    // The fewest that have to go: each more takes tokens away.
    for (let fewest = 1; fewest < most;) {
      const middle = Math.floor((fewest + most) / 2);
      if ((await tokens(middle)) < this.window) most = middle;
      else fewest = middle + 1;
    }
    this.#messages = without[most]!;
    return true;
  }

  /** The conversation without its first rounds, by how many of them. */
  #withoutRounds(): (readonly ChatMessage[])[] {
    const pinned = Math.max(this.#pinned, this.#messages[0]?.role === 'system' ? 1 : 0);
    const begins = [...this.#messages.keys()].filter(
      (index) => index > pinned && this.#messages[index]!.role === 'user' && this.#messages[index - 1]!.role !== 'user',
    );
    const head = this.#messages.slice(0, pinned);
    const shorter = [...begins, this.#messages.length].map((begin) => [...head, ...this.#messages.slice(begin)]);
    return [this.#messages, ...shorter];
  }

  /** Takes messages into the conversation. @throws as `count`. */
  async add(added: readonly ChatMessage[], signal: AbortSignal): Promise<void> {
    const messages = [...this.#messages, ...added];
    this.#usage = await this.#countAll(messages, { readAhead: true }, signal);
    this.#messages = messages;
  }

  /**
   * Has the model read a conversation ahead: what follows it is answered at once, in this session and in its clones.
   * @param added behind the messages that are here
   * @throws as `Engine.generate`; the signal's reason
   */
  async read(added: readonly ChatMessage[], signal: AbortSignal): Promise<void> {
    const messages = [...this.#messages, ...added];
    if (messages.length === 0) return;
    const request: GenerationRequest = { messages, readAhead: true, ...this.offer };
    try {
      for await (const event of this.#engine.generate(request, { signal })) {
        if (event.type === 'end') signal.throwIfAborted();
      }
    } catch (error) {
      // A template may write nothing until there is a question; and an empty question is one to be completed.
      if (!(error instanceof BambaError && error.code === 'prompt_empty')) throw error;
    }
  }

  /** The tools that requests offer to the model. */
  get offer(): Pick<GenerationRequest, 'tools'> {
    return this.tools.length > 0 ? { tools: this.tools } : {};
  }
}
