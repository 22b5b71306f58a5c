// Token ids to text while they arrive: what is handed out is final, and never ends inside a character.

import type { PieceDecoding } from './token-pieces.ts';
import type { Tokenizer } from './tokenizer.ts';

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
   * Where the ids pushed so far end in the text, in UTF-16 units: the length handed out, and one more while a
   * character is unfinished. An id is wholly inside a cut text if this value, read after its push, is at most the
   * cut's length.
   */
  readonly end: number;
}

/**
 * A detokenizer for the beginning of a text.
 * @param shown special tokens that are text all the same: those that a model writes around calls of tools
 */
export function createDetokenizer(tokenizer: Tokenizer, shown: ReadonlySet<number> = new Set()): Detokenizer {
  const hidden = new Set([...tokenizer.specialIds].filter((id) => !shown.has(id)));
  return tokenizer.pieces === null
    ? new WindowDetokenizer(tokenizer, hidden)
    : new PieceDetokenizer(tokenizer, tokenizer.pieces, hidden);
}

/** For decoders that work token by token: bytes stream through one TextDecoder for each run of them. */
class PieceDetokenizer implements Detokenizer {
  readonly #tokenizer: Tokenizer;
  readonly #pieces: PieceDecoding;
  readonly #hidden: ReadonlySet<number>;
  readonly #utf8: TextDecoder;
  /** The last bytes of the run of bytes that is open; empty when none is. */
  #tail: number[] = [];
  #spacesToStrip: number;
  #length = 0;

  constructor(tokenizer: Tokenizer, pieces: PieceDecoding, hidden: ReadonlySet<number>) {
    this.#hidden = hidden;
    this.#tokenizer = tokenizer;
    this.#pieces = pieces;
    this.#utf8 = new TextDecoder('utf-8', { ignoreBOM: pieces.keepsByteOrderMark });
    this.#spacesToStrip = pieces.stripSpaces;
  }

  get end(): number {
    return this.#length + (endsInsideCharacter(this.#tail) ? 1 : 0);
  }

  push(ids: readonly number[]): string {
    let text = '';
    for (const id of ids) {
      if (this.#hidden.has(id)) continue;
      const piece = this.#tokenizer.piece(id);
      if (piece === null) continue;
      if (piece.kind === 'text') {
        text += this.#endRun() + piece.text;
      } else {
        text += this.#utf8.decode(piece.bytes, { stream: true });
        this.#tail = [...this.#tail, ...piece.bytes].slice(-3);
      }
    }
    return this.#handOut(text);
  }

  flush(): string {
    const text = this.#handOut(this.#endRun());
    this.#spacesToStrip = this.#pieces.stripSpaces;
    this.#length = 0;
    return text;
  }

  #endRun(): string {
    this.#tail = [];
    return this.#utf8.decode();
  }

  #handOut(decoded: string): string {
    let text = decoded;
    while (this.#spacesToStrip > 0 && text !== '') {
      if (!text.startsWith(' ')) {
        this.#spacesToStrip = 0;
      } else {
        text = text.slice(1);
        this.#spacesToStrip--;
      }
    }
    this.#length += text.length;
    return text;
  }
}

/** Whether a run of UTF-8 bytes, of which these are the last (three suffice), could go on inside a character. */
function endsInsideCharacter(bytes: readonly number[]): boolean {
  const lead = bytes.findLastIndex((byte) => byte >= 0xc2 && byte <= 0xf4);
  if (lead < 0) return false;
  const [first, second, ...others] = bytes.slice(lead) as [number, ...number[]];
  const length = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  if (bytes.length - lead >= length) return false;
  // The second byte's range is narrower after these four: overlong forms, surrogates, beyond U+10FFFF.
  const low = first === 0xe0 ? 0xa0 : first === 0xf0 ? 0x90 : 0x80;
  const high = first === 0xed ? 0x9f : first === 0xf4 ? 0x8f : 0xbf;
  if (second !== undefined && (second < low || second > high)) return false;
  return others.every((byte) => byte >= 0x80 && byte <= 0xbf);
}

/**
 * For every other decoder: the new ids are decoded behind those of the step before, as the decoder may join a token
 * to its neighbour, and what is longer is the new text. A U+FFFD at the end may be half a character and waits.
 */
class WindowDetokenizer implements Detokenizer {
  readonly #tokenizer: Tokenizer;
  readonly #hidden: ReadonlySet<number>;
  /** Ids whose text was handed out, as context of the next ones. */
  #context: number[] = [];
  #waiting: number[] = [];
  #length = 0;

  constructor(tokenizer: Tokenizer, hidden: ReadonlySet<number>) {
    this.#tokenizer = tokenizer;
    this.#hidden = hidden;
  }

  get end(): number {
    return this.#length + (this.#waiting.length > 0 ? 1 : 0);
  }

  push(ids: readonly number[]): string {
    // Special tokens are no context either: decoding leaves them out before it joins tokens.
    const fresh = ids.filter((id) => !this.#hidden.has(id) && this.#tokenizer.idToToken(id) !== undefined);
    let text = '';
    for (const id of fresh) {
      this.#waiting.push(id);
      const added = this.#waitingText();
      if (added === '' || added.endsWith('\uFFFD')) continue;
      text += this.#handOut(added);
    }
    return text;
  }

  flush(): string {
    const text = this.#handOut(this.#waitingText());
    this.#context = [];
    this.#length = 0;
    return text;
  }

  #waitingText(): string {
    const known = this.#tokenizer.decode(this.#context, { skipSpecialTokens: false });
    return this.#tokenizer
      .decode([...this.#context, ...this.#waiting], { skipSpecialTokens: false })
      .slice(known.length);
  }

  #handOut(text: string): string {
    this.#context = this.#waiting;
    this.#waiting = [];
    this.#length += text.length;
    return text;
  }
}
