import { BambaError } from '../../errors.ts';
import type { ChatMessage } from '../protocol.ts';
import type { ParsedRequest } from './request.ts';
import type { Prompt, TextSide } from './text-side.ts';
import { turnDigests } from './turn-digests.ts';

/** A prompt that the context has room for. */
export interface FittingPrompt {
  prompt: Prompt;
  /** The request, with the messages that the prompt has. */
  parsed: ParsedRequest;
  /** Questions that were left out, each with all that was said until the next one. */
  droppedTurns: number;
}

/** The least share of a context that dropping turns leaves for the answer. */
const LEAST_ROOM = 1 / 8;
/**
 * The largest share of a context that a prompt takes after turns were dropped: it is read anew then. With half of it,
 * about as many tokens are written before that happens again.
 */
const FILLED = 1 / 2;
/** Chats of which it is known how many turns were dropped. */
const MOST_CHATS = 32;

/** Makes prompts fit the context, and drops the oldest turns of a chat where the request allows that. */
export class Overflow {
  readonly #text: Pick<TextSide, 'prompt'>;
  readonly #contextLength: number;
  /** Turns dropped of a chat, by its first question: the same ones again, so that what is read already stays good. */
  readonly #dropped = new Map<number, number>();

  constructor(text: Pick<TextSide, 'prompt'>, contextLength: number) {
    this.#text = text;
    this.#contextLength = contextLength;
  }

  /** @throws BambaError `prompt_empty`, `prompt_too_long`, `template_failed`, `aborted`. */
  async fit(parsed: ParsedRequest, signal: AbortSignal | undefined): Promise<FittingPrompt> {
    const prompt = await this.#text.prompt(parsed, signal);
    const tokens = prompt.ids.length;
    if (tokens === 0) throw nothing();
    const { input, contextOverflow } = parsed;
    const drops = contextOverflow === 'drop-oldest-turns' && 'messages' in input;
    if (!drops) {
      this.require(tokens);
      return { prompt, parsed, droppedTurns: 0 };
    }
    const room = Math.min(parsed.maxTokens, Math.floor(this.#contextLength * LEAST_ROOM));
    if (tokens < this.#contextLength && tokens + room <= this.#contextLength) {
      return { prompt, parsed, droppedTurns: 0 };
    }
    return this.#drop(parsed, input, room, signal);
  }

  async #drop(
    parsed: ParsedRequest,
    input: Extract<ParsedRequest['input'], { messages: unknown }>,
    room: number,
    signal: AbortSignal | undefined,
  ): Promise<FittingPrompt> {
    const turns = turnsOf(input.messages);
    const without = async (count: number): Promise<FittingPrompt> => {
      const shorter = { ...parsed, input: { ...input, messages: withoutTurns(input.messages, turns, count) } };
      return { prompt: await this.#text.prompt(shorter, signal), parsed: shorter, droppedTurns: count };
    };
    const most = turns.length - 1;
    const key = turnDigests(input.messages.slice(0, (turns[0] ?? 0) + 1)).at(-1)!;
    const before = this.#dropped.get(key);
    if (before !== undefined && before <= most) {
      const same = await without(before);
      if (same.prompt.ids.length + room <= this.#contextLength) return same;
    }
    let [few, many] = [Math.min(before ?? 0, most), Math.max(0, most)];
    let fitting: FittingPrompt | null = null;
    while (few + 1 < many || (fitting === null && few < many)) {
      const middle = Math.ceil((few + many) / 2);
      const shorter = await without(middle);
      const fits = shorter.prompt.ids.length <= this.#contextLength * FILLED;
      if (fits) [many, fitting] = [middle, shorter];
      else few = middle;
    }
    fitting ??= await without(Math.max(0, most));
    this.require(fitting.prompt.ids.length);
    this.#note(key, fitting.droppedTurns);
    return fitting;
  }

  #note(key: number, turns: number): void {
    this.#dropped.delete(key);
    this.#dropped.set(key, turns);
    const [oldest] = this.#dropped.keys();
    if (this.#dropped.size > MOST_CHATS) this.#dropped.delete(oldest!);
  }

  /** @throws BambaError `prompt_empty`, `prompt_too_long` unless the context has room for so many and an answer. */
  require(tokens: number): void {
    if (tokens === 0) throw nothing();
    if (tokens < this.#contextLength) return;
    throw new BambaError(
      'prompt_too_long',
      `The prompt has ${tokens} tokens, and the context has room for ${this.#contextLength} with the answer. ` +
        'Shorten it or start a new chat.',
    );
  }
}

function nothing(): BambaError {
  return new BambaError('prompt_empty', 'The prompt is empty: there is nothing to answer.');
}

/**
 * The places where the turns of a chat begin, each with a question. Messages before the first question belong to all
 * turns.
 */
function turnsOf(messages: readonly ChatMessage[]): number[] {
  return messages.flatMap(({ role }, index) => (role === 'user' ? [index] : []));
}

function withoutTurns(messages: readonly ChatMessage[], turns: readonly number[], count: number): ChatMessage[] {
  if (count === 0) return [...messages];
  return [...messages.slice(0, turns[0]), ...messages.slice(turns[count])];
}
