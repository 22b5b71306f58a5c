import { commonLength, isPrefix } from './state-tree.ts';

/** A sequence that was read once. */
interface Known {
  tokens: Uint32Array;
  /** Tokens of the longest prompt of it: what follows is an answer, which nobody sent yet. */
  sent: number;
  /** Where states of it were kept that have gone since. */
  gone: readonly number[];
  /** By the digest of a prompt's messages: where the prompt ended. */
  turns: ReadonlyMap<number, number>;
}

/** What is known of a prompt's beginning. */
export interface Acquaintance {
  /** Tokens that it shares with a sequence that was read once. */
  common: number;
  /** Whether that sequence went on otherwise. */
  left: boolean;
  /** Whether it leaves a prompt, and not only an answer, which may have been cut off. */
  edited: boolean;
  /** Where states of the shared part were kept that have gone since. */
  gone: readonly number[];
}

/** Bounds of what is remembered: a megabyte of tokens. */
const MOST_SEQUENCES = 32;
const MOST_TOKENS = 2 ** 18;
const MOST_NOTES = 64;

/**
 * The tokens of sequences that were read, without their states: what tells whether a prompt was known once, and where it
 * leaves what was known. Those that were read longest ago are forgotten.
 */
export class KnownSequences {
  /** Read longest ago first. */
  #known: Known[] = [];
  readonly #foreign = new Set<number>();

  /** Takes note that `tokens` were read; a sequence that goes on is known once. */
  remember(tokens: readonly number[]): void {
    if (tokens.length === 0) return;
    const longer = this.#known.find((known) => isPrefix(tokens, known.tokens));
    if (longer) {
      this.#touch(longer);
      return;
    }
    const begun = this.#known.findLast((known) => isPrefix(known.tokens, tokens));
    if (begun) {
      begun.tokens = Uint32Array.from(tokens);
      this.#touch(begun);
    } else {
      const branch = this.#closest(tokens);
      const gone = branch ? branch.known.gone.filter((at) => at <= branch.common) : [];
      const sent = branch ? Math.min(branch.known.sent, branch.common) : 0;
      this.#known.push({ tokens: Uint32Array.from(tokens), sent, gone, turns: new Map() });
    }
    this.#forget();
  }

  /** What is known of the beginning of `ids`; null where nothing is. */
  of(ids: readonly number[]): Acquaintance | null {
    const closest = this.#closest(ids);
    if (!closest) return null;
    const { known, common } = closest;
    const left = common < known.tokens.length && common < ids.length;
    return { common, left, edited: left && common < known.sent, gone: known.gone.filter((at) => at <= common) };
  }

  /** How many sequences that went apart begin with these tokens. */
  through(tokens: readonly number[]): number {
    return this.#known.filter((known) => isPrefix(tokens, known.tokens)).length;
  }

  /** Takes note that the state of these tokens is kept no longer, or never was for want of room. */
  lose(tokens: readonly number[]): void {
    for (const known of this.#known) {
      if (!isPrefix(tokens, known.tokens) || known.gone.includes(tokens.length)) continue;
      known.gone = [...known.gone, tokens.length].slice(-MOST_NOTES);
    }
  }

  /** Takes note that the state of these tokens is kept. */
  regain(tokens: readonly number[]): void {
    for (const known of this.#known) {
      if (isPrefix(tokens, known.tokens)) known.gone = known.gone.filter((at) => at !== tokens.length);
    }
  }

  /**
   * Takes note that `ids` were read as a prompt.
   * @param digest of its messages; null where there are none
   */
  rememberPrompt(ids: readonly number[], digest: number | null): void {
    this.remember(ids);
    const known = this.#known.findLast((one) => isPrefix(ids, one.tokens));
    if (!known) return;
    known.sent = Math.max(known.sent, ids.length);
    if (digest === null) return;
    known.turns = new Map([...known.turns, [digest, ids.length] as const].slice(-MOST_NOTES));
    this.#foreign.delete(digest);
  }

  /** Takes note that another model, or another version of it, read messages with this digest: its states are of no use. */
  markForeign(digest: number): void {
    this.#foreign.delete(digest);
    this.#foreign.add(digest);
    const [oldest] = this.#foreign;
    if (this.#foreign.size > MOST_NOTES) this.#foreign.delete(oldest!);
  }

  /**
   * What is known of a chat by its messages, whatever they were written as.
   * @param digests of the chat so far, for each of its messages
   * @param ids its prompt
   * @returns `rewritten`: the longest beginning that was asked was written as other tokens; `foreign`: another model read
   * it, and this one has read none
   */
  ofTurns(digests: readonly number[], ids: readonly number[]): { rewritten: boolean; foreign: boolean } {
    for (const digest of digests.toReversed()) {
      const known = this.#known.filter(({ turns }) => turns.has(digest));
      if (known.length === 0) continue;
      const same = known.some(({ tokens, turns }) => commonLength(tokens, ids) >= turns.get(digest)!);
      return { rewritten: !same, foreign: false };
    }
    return { rewritten: false, foreign: digests.some((digest) => this.#foreign.has(digest)) };
  }

  #closest(ids: readonly number[]): { known: Known; common: number } | null {
    let closest: { known: Known; common: number } | null = null;
    for (const known of this.#known) {
      const common = commonLength(known.tokens, ids);
      // Of several, the one that was read last.
      if (common > 0 && common >= (closest?.common ?? 0)) closest = { known, common };
    }
    return closest;
  }

  #touch(known: Known): void {
    this.#known = [...this.#known.filter((one) => one !== known), known];
  }

  #forget(): void {
    let tokens = this.#known.reduce((sum, known) => sum + known.tokens.length, 0);
    while (this.#known.length > MOST_SEQUENCES || (tokens > MOST_TOKENS && this.#known.length > 1)) {
      tokens -= this.#known.shift()!.tokens.length;
    }
  }
}
