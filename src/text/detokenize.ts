// Token ids to text while they arrive: what is handed out is final, and never ends inside a character.

import type { IdDecoding, Tokenizer } from './tokenizer.ts';

/**
 * Decodes an answer as it grows. The pieces in a row, with that of `flush`, are what
 * `tokenizer.decode(allIds, { skipSpecialTokens: true })` gives.
 *
 * ```ts
 * const detokenizer = createDetokenizer(tokenizer);
 * for (const id of ids) write(detokenizer.push([id]));
 * write(detokenizer.flush());
 * ```
 */
export interface Detokenizer {
  /** Takes the next ids; returns the text that became final with them, often empty. Special tokens give none. */
  push(ids: readonly number[]): string;
  /** Ends the text: bytes that wait for the rest of their character become U+FFFD. Afterwards a new text begins. */
  flush(): string;
  /**
   * The end of the pushed ids in the text, in UTF-16 units. It is the length handed out, and one more while half a character
   * or the like is held back. An id is wholly inside a cut text if this value, read after its push, is at most the cut's
   * length.
   */
  readonly end: number;
}

/**
 * A detokenizer for the beginning of a text.
 * @param shown special tokens that are text all the same: those that a model writes around calls of tools
 */
export function createDetokenizer(tokenizer: Tokenizer, shown: ReadonlySet<number> = new Set()): Detokenizer {
  return new IdDetokenizer(tokenizer, new Set([...tokenizer.specialIds].filter((id) => !shown.has(id))));
}

class IdDetokenizer implements Detokenizer {
  readonly #tokenizer: Tokenizer;
  readonly #hidden: ReadonlySet<number>;
  #decoding: IdDecoding;
  #length = 0;

  constructor(tokenizer: Tokenizer, hidden: ReadonlySet<number>) {
    this.#tokenizer = tokenizer;
    this.#hidden = hidden;
    this.#decoding = tokenizer.startDecoding();
  }

  get end(): number {
    return this.#length + (this.#decoding.holds ? 1 : 0);
  }

  push(ids: readonly number[]): string {
    let text = '';
    for (const id of ids) if (!this.#hidden.has(id)) text += this.#decoding.push(id);
    this.#length += text.length;
    return text;
  }

  flush(): string {
    const text = this.#decoding.end();
    this.#decoding = this.#tokenizer.startDecoding();
    this.#length = 0;
    return text;
  }
}
