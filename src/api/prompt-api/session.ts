import type {
  ChatMessage,
  FinishReason,
  GenerationRequest,
  TokenizingEngine,
  ToolCall,
} from '../../engine/protocol.ts';
import { asBambaError, isFatal } from '../../errors.ts';
import { readConstraint, type ResponseForm, withHint } from './constraint.ts';
import type { Context, Ending } from './context.ts';
import { asFault, fault } from './faults.ts';
import { readMessages, readPrompt } from './input.ts';
import type { SessionSampling } from './sampling.ts';
import type { Lease } from './shared-engine.ts';
import { toolMessages } from './tools.ts';
import { Turns } from './turns.ts';
import type {
  LanguageModelAppendOptions,
  LanguageModelCloneOptions,
  LanguageModelPrompt,
  LanguageModelPromptOptions,
  LanguageModelSamplingMode,
  LanguageModelTool,
} from './types.ts';

/** The parts of a session. */
export interface SessionParts {
  lease: Lease;
  context: Context;
  sampling: SessionSampling;
  tools: readonly LanguageModelTool[];
}

/**
 * A conversation with a model, as the Prompt API has it. Questions are answered one after the other, also those of several
 * sessions. Each session goes on from its own conversation.
 *
 * ```ts
 * const session = await LanguageModel.create({ initialPrompts: [{ role: 'system', content: 'Be brief.' }] });
 * for await (const piece of session.promptStreaming('What is an apple?')) output.append(piece);
 * const other = await session.clone();
 * ```
 */
export class LanguageModel extends EventTarget {
  /** Hears that the oldest rounds of the conversation were dropped to make room. */
  oncontextoverflow: ((event: Event) => void) | null = null;
  readonly #parts: SessionParts;
  readonly #engine: TokenizingEngine;
  readonly #destroyed = new AbortController();

  /** @internal */
  constructor(parts: SessionParts) {
    super();
    this.#parts = parts;
    this.#engine = parts.lease.engine;
    this.addEventListener('contextoverflow', (event) => this.oncontextoverflow?.(event));
  }

  /** Tokens of the conversation so far, those of the chat template among them. */
  get contextUsage(): number {
    return this.#parts.context.usage;
  }

  /** Tokens that a conversation has room for, its next answer among them. */
  get contextWindow(): number {
    return this.#parts.context.window;
  }

  /** How varied answers are. */
  get samplingMode(): LanguageModelSamplingMode {
    return this.#parts.sampling.mode;
  }

  /** The temperature that answers are sampled with. */
  get temperature(): number {
    return this.#parts.sampling.settings.temperature ?? this.#engine.info.sampling.temperature;
  }

  /** The likeliest tokens that are sampled from; 0 for all. */
  get topK(): number {
    return this.#parts.sampling.settings.topK ?? this.#engine.info.sampling.topK;
  }

  /**
   * Answers, and takes question and answer into the conversation.
   *
   * ```ts
   * const json = await session.prompt('Name a fruit.', { responseConstraint: { enum: ['apple', 'pear'] } });
   * ```
   * @param input the question, or messages
   * @param options what the answer is held to, and what ends it
   * @returns the answer
   * @throws TypeError for what is no prompt. DOMException `AbortError`, or the signal's reason; `QuotaExceededError` where
   * the prompt does not fit; `NotSupportedError` for what these models cannot do; `SyntaxError` where the context ends
   * before an answer of the form does; `InvalidStateError` once the session is destroyed; `UnknownError`
   */
  async prompt(input: LanguageModelPrompt, options: LanguageModelPromptOptions = {}): Promise<string> {
    let answer = '';
    await this.#ask(input, options, (piece) => {
      answer += piece;
    });
    return answer;
  }

  /**
   * As `prompt`, while it comes. Cancelling the stream ends the answer.
   *
   * ```ts
   * for await (const piece of session.promptStreaming('What is an apple?')) output.append(piece);
   * ```
   * @param input the question, or messages
   * @param options what the answer is held to, and what ends it
   * @returns pieces of the answer; it errors with what `prompt` throws
   */
  promptStreaming(input: LanguageModelPrompt, options: LanguageModelPromptOptions = {}): ReadableStream<string> {
    const cancelled = new AbortController();
    const { signal } = options;
    const either = signal ? AbortSignal.any([signal, cancelled.signal]) : cancelled.signal;
    return new ReadableStream<string>({
      start: (controller) => {
        const answer = async (): Promise<void> => {
          try {
            await this.#ask(input, { ...options, signal: either }, (piece) => controller.enqueue(piece));
            if (!cancelled.signal.aborted) controller.close();
          } catch (error) {
            if (!cancelled.signal.aborted) controller.error(error);
          }
        };
        // The page has the stream before anything comes of it.
        void answer();
      },
      cancel: (reason) => cancelled.abort(reason),
    });
  }

  /**
   * Takes messages into the conversation, and has the model read them ahead: the next question waits for them no more.
   *
   * ```ts
   * await session.append([{ role: 'user', content: article }]);
   * ```
   * @param input messages, or the text of one of the user's
   * @param options what ends it
   * @throws as `prompt`
   */
  append(input: LanguageModelPrompt, options: LanguageModelAppendOptions = {}): Promise<void> {
    return this.#run(options.signal, async (signal) => {
      const { context } = this.#parts;
      const added = readMessages(input, context.messages.length > 0);
      await this.#makeRoom(added, { readAhead: true }, signal);
      await context.read(added, signal);
      await context.add(added, signal);
    });
  }

  /**
   * Tokens that a prompt would add to the conversation. Nothing is asked.
   *
   * ```ts
   * const fits = session.contextUsage + (await session.measureContextUsage(text)) < session.contextWindow;
   * ```
   * @param input as that of `prompt`
   * @param options as those of `prompt`
   * @throws as `prompt`
   */
  async measureContextUsage(input: LanguageModelPrompt, options: LanguageModelPromptOptions = {}): Promise<number> {
    const signal = this.#signal(options.signal);
    signal.throwIfAborted();
    const { context } = this.#parts;
    // The conversation's count may change meanwhile.
    const { usage } = context;
    const { added, ending } = this.#read(input, options, false);
    try {
      return Math.max(0, (await context.count(added, ending, signal)) - usage);
    } catch (error) {
      throw this.#explained(error, signal);
    }
  }

  /**
   * A session with the same conversation, which goes its own way from here. The model reads nothing of it again.
   *
   * ```ts
   * const [first, second] = [await session.clone(), await session.clone()];
   * ```
   * @param options what ends the cloning
   * @throws DOMException `AbortError`, or the signal's reason; `InvalidStateError` once the session is destroyed
   */
  clone(options: LanguageModelCloneOptions = {}): Promise<LanguageModel> {
    return this.#run(options.signal, async (signal) => {
      const { lease, context, ...parts } = this.#parts;
      // The unread rest of the last answer is read once, for both.
      await context.read([], signal);
      return new LanguageModel({ ...parts, lease: lease.again(), context: context.copy() });
    });
  }

  /** Ends what the session does, and frees the model with the last session of it. Idempotent. */
  destroy(): void {
    this.#destroy(fault('AbortError', 'The session was destroyed.'));
  }

  /** @internal */
  destroyWith(signal: AbortSignal): void {
    signal.addEventListener('abort', () => this.#destroy(signal.reason), { signal: this.#destroyed.signal });
  }

  #destroy(reason: unknown): void {
    if (this.#destroyed.signal.aborted) return;
    this.#destroyed.abort(reason);
    this.#parts.lease.release();
  }

  /** @throws DOMException `InvalidStateError` */
  #signal(own: AbortSignal | undefined): AbortSignal {
    const { signal } = this.#destroyed;
    if (signal.aborted) throw fault('InvalidStateError', 'The session was destroyed. Create another one.');
    return own ? AbortSignal.any([own, signal]) : signal;
  }

  /** Does something when all that was asked before is done. */
  async #run<Result>(own: AbortSignal | undefined, work: (signal: AbortSignal) => Promise<Result>): Promise<Result> {
    const signal = this.#signal(own);
    try {
      return await Turns.of(this.#engine).take(signal, async () => work(signal));
    } catch (error) {
      throw this.#explained(error, signal);
    }
  }

  #explained(error: unknown, signal: AbortSignal): unknown {
    if (signal.aborted) return signal.reason;
    if (isFatal(asBambaError(error).code)) this.#parts.lease.spoil();
    return asFault(error);
  }

  #read(input: LanguageModelPrompt, options: LanguageModelPromptOptions, begun: boolean) {
    const form = readConstraint(options);
    const { messages, prefix } = readPrompt(input, begun);
    const ending: Ending = prefix ? { continueLast: true } : {};
    return { added: withHint(messages, form), ending, form };
  }

  async #makeRoom(added: readonly ChatMessage[], ending: Ending, signal: AbortSignal): Promise<void> {
    if (await this.#parts.context.makeRoom(added, ending, signal)) this.dispatchEvent(new Event('contextoverflow'));
  }

  #ask(
    input: LanguageModelPrompt,
    options: LanguageModelPromptOptions,
    onPiece: (piece: string) => void,
  ): Promise<void> {
    return this.#run(options.signal, async (signal) => {
      const { context, tools } = this.#parts;
      const { added, ending, form } = this.#read(input, options, context.messages.length > 0);
      let said = added;
      for (let how = ending; ; how = {}) {
        await this.#makeRoom(said, how, signal);
        const { text, calls, reason } = await this.#generate(said, how, form, signal, onPiece);
        if (form && reason === 'length') {
          throw fault('SyntaxError', 'The context ended before an answer of the form that was asked for did.');
        }
        said = withAnswer(said, how, text, calls);
        if (calls.length === 0) break;
        said = [...said, ...(await toolMessages(calls, tools, signal))];
      }
      await context.add(said, signal);
    });
  }

  async #generate(
    said: readonly ChatMessage[],
    ending: Ending,
    form: ResponseForm | null,
    signal: AbortSignal,
    onPiece: (piece: string) => void,
  ): Promise<{ text: string; calls: ToolCall[]; reason: FinishReason }> {
    const { context, sampling } = this.#parts;
    const messages = [...context.messages, ...said];
    const request: GenerationRequest = {
      messages,
      ...ending,
      ...context.offer,
      ...sampling.settings,
      ...form?.request,
    };
    let text = '';
    const calls: ToolCall[] = [];
    let reason: FinishReason = 'stop';
    for await (const event of this.#engine.generate(request, { signal })) {
      signal.throwIfAborted();
      if (event.type === 'text' && event.text !== '') {
        text += event.text;
        onPiece(event.text);
      } else if (event.type === 'toolCall') calls.push(event.call);
      else if (event.type === 'end') reason = event.finishReason;
    }
    return { text, calls, reason };
  }
}

/** The messages with the answer: behind its beginning, where the page gave one. */
function withAnswer(
  said: readonly ChatMessage[],
  { continueLast }: Ending,
  text: string,
  toolCalls: ToolCall[],
): ChatMessage[] {
  const begun = continueLast ? said.at(-1)!.content : '';
  const answer: ChatMessage = { role: 'assistant', content: begun + text, ...(toolCalls.length > 0 && { toolCalls }) };
  return [...(continueLast ? said.slice(0, -1) : said), answer];
}
