/** Below this share of right drafts, none are made for a while: a step over several positions has to be worth it. */
const LEAST = 0.5;

/** What is assumed before anything is known. */
const ASSUMED = 0.75;

/** The share of the latest step in the estimate. */
const WEIGHT = 0.5;

/** Tokens without drafts after bad ones: at first, and at most after as many more. */
const PAUSE = { first: 64, most: 1024 };

/** Positions of a step: few while nothing is known, more as drafts are right. */
const WIDTHS = [4, 8];

/** Tokens behind the last right draft in which steps do not run far ahead: the next match is seen early. */
const NEAR = 64;

/** How right drafts have been in an answer, and whether more of them are worth it. */
export class Acceptance {
  #estimate = ASSUMED;
  #pause = PAUSE.first;
  /** Tokens of the sequence from which on drafts are made. */
  #from = 0;
  #lastRight = -Infinity;
  #width = 0;

  /** Whether drafts are made at so many tokens. */
  allows(tokens: number): boolean {
    return tokens >= this.#from;
  }

  /** Whether a match is likely to come soon. */
  isNear(tokens: number): boolean {
    return tokens - this.#lastRight <= NEAR && this.allows(tokens);
  }

  /** Positions of the next step: one token that is known, and drafts. */
  get width(): number {
    return WIDTHS[this.#width]!;
  }

  /** A step is done, of which so many drafts were right; the sequence has so many tokens now. */
  note(accepted: number, drafted: number, tokens: number): void {
    const share = accepted / drafted;
    this.#estimate += WEIGHT * (share - this.#estimate);
    if (accepted > 0) this.#lastRight = tokens;
    if (share === 1) {
      this.#width = Math.min(WIDTHS.length - 1, this.#width + 1);
      this.#pause = PAUSE.first;
    } else if (share < LEAST) this.#width = Math.max(0, this.#width - 1);
    if (this.#estimate >= LEAST) return;
    this.#from = tokens + this.#pause;
    this.#pause = Math.min(PAUSE.most, 2 * this.#pause);
    this.#estimate = ASSUMED;
    this.#width = 0;
  }
}
