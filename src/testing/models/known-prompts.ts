import type { GoldenTurn } from './golden-chats.ts';

/** Room for the states of all golden chats: what is known then depends on nothing else. */
export const STATE_CACHE_BYTES = 2 ** 29;

/** Tokens of the header that an answer of Lexicon begins with; the state before it is kept. */
const HEADER_TOKENS = 5;

/** What an engine that is asked golden chats, one after the other, knows of each prompt already. */
export class KnownPrompts {
  readonly #kept: (readonly number[])[] = [];

  /**
   * The tokens of a turn's prompt that are not processed again: those of the longest prompt, without its header, or prompt
   * with its answer that it goes on from. The token that ended an answer has not been fed.
   */
  cachedTokens({ prompt_ids: prompt, answer_ids: answer }: GoldenTurn): number {
    const begins = this.#kept.filter((kept) => kept.every((id, index) => id === prompt[index]));
    this.#kept.push(prompt.slice(0, -HEADER_TOKENS), [...prompt, ...answer.slice(0, -1)]);
    return Math.max(0, ...begins.map(({ length }) => length));
  }
}
