/** Tokens that a place has to have in common with the end, to be a match. */
export const MATCH_TOKENS = 8;

/**
 * Where in a sequence of tokens its last ones stood before. Adding a token and asking take a time that does not depend on the
 * length of the sequence.
 */
export class NgramIndex {
  readonly #tokens: number[] = [];
  /** By the hash of `MATCH_TOKENS` tokens, where they end, the latest of them. */
  readonly #ends = new Map<number, number>();
  /** Behind the latest place that has the last tokens; null where none has. */
  #match: number | null = null;

  /** @param tokens of the sequence so far */
  constructor(tokens: readonly number[] = []) {
    this.push(tokens);
  }

  /** Tokens so far. */
  get length(): number {
    return this.#tokens.length;
  }

  /** Whether the last tokens stood somewhere before. */
  get hasMatch(): boolean {
    return this.#match !== null;
  }

  /** The sequence goes on. */
  push(tokens: readonly number[]): void {
    for (const token of tokens) {
      this.#tokens.push(token);
      const end = this.#tokens.length;
      if (end < MATCH_TOKENS) continue;
      const hash = this.#hashAt(end);
      const before = this.#ends.get(hash);
      this.#match = before !== undefined && this.#isSame(before, end) ? before : null;
      this.#ends.set(hash, end);
    }
  }

  /** What came behind the match: as many tokens as are asked for, in turn where it repeats itself; none without a match. */
  draft(count: number): number[] {
    if (this.#match === null) return [];
    const draft: number[] = [];
    for (let at = this.#match; draft.length < count; at++) {
      draft.push(this.#tokens[at] ?? draft[at - this.#tokens.length]!);
    }
    return draft;
  }

  #hashAt(end: number): number {
    let hash = 0x811c9dc5;
    for (let at = end - MATCH_TOKENS; at < end; at++) {
      hash = Math.imul(hash ^ this.#tokens[at]!, 0x01000193);
      hash ^= hash >>> 15; // tokens differ in their low bits
    }
    return hash;
  }

  /** Two different runs of tokens may have one hash. */
  #isSame(one: number, other: number): boolean {
    for (let back = 1; back <= MATCH_TOKENS; back++) {
      if (this.#tokens[one - back] !== this.#tokens[other - back]) return false;
    }
    return true;
  }
}
