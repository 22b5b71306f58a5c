import type { GoldenTurn } from './golden-chats.ts';

/** Room for the states of all golden chats: what is known then depends on nothing else. */
export const STATE_CACHE_BYTES = 2 ** 28;

/** What an engine that is asked golden chats, one after the other, knows of each prompt already. */
export class KnownPrompts {
  readonly #prompts = new Set<string>();
  #kept = 0;

  /** A new chat begins. */
  beginChat(): void {
    this.#kept = 0;
  }

  /**
   * The tokens of a turn's prompt that are not processed again: all of them where another chat had the same prompt, else
   * those of the chat so far. The token that ended the last answer has not been fed.
   */
  cachedTokens({ prompt_ids: prompt, answer_ids: answer }: GoldenTurn): number {
    const key = prompt.join();
    const cached = this.#prompts.has(key) ? prompt.length : this.#kept;
    this.#prompts.add(key);
    this.#kept = prompt.length + answer.length - 1;
    return cached;
  }
}
