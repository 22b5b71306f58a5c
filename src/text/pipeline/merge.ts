// Joins pairs of symbols, of all pairs the one that was learned first, of equal ones the leftmost.

import type { PairTable } from './pair-table.ts';
import { finish, type Work } from './work.ts';

/** The merges that a checkpoint learned. */
export interface Merges {
  /** The rank of a pair of ids: the lower, the earlier it is joined. */
  readonly ranks: PairTable;
  /** The id that the pair of a rank becomes. */
  readonly merged: Int32Array;
}

/** Up to this length looking through all pairs costs less than a heap. */
const SHORT = 48;

/** Joins what can be joined, and puts what is left behind the ids that are there. */
export function mergeAtOnce(symbols: number[], merges: Merges, ids: number[]): void {
  if (symbols.length > SHORT) finish(mergeInPieces(symbols, merges, ids));
  else mergeShort(symbols, merges, ids);
}

function mergeShort(symbols: number[], { ranks, merged }: Merges, ids: number[]): void {
  const pairs: number[] = [];
  for (let i = 0; i + 1 < symbols.length; i++) pairs.push(ranks.get(symbols[i]!, symbols[i + 1]!));
  for (;;) {
    let best = -1;
    for (let i = 0; i < pairs.length; i++) {
      if (pairs[i]! >= 0 && (best < 0 || pairs[i]! < pairs[best]!)) best = i;
    }
    if (best < 0) break;
    symbols[best] = merged[pairs[best]!]!;
    symbols.splice(best + 1, 1);
    pairs.splice(best, 1);
    if (best > 0) pairs[best - 1] = ranks.get(symbols[best - 1]!, symbols[best]!);
    if (best < pairs.length) pairs[best] = ranks.get(symbols[best]!, symbols[best + 1]!);
  }
  for (const symbol of symbols) ids.push(symbol);
}

/** As `mergeAtOnce`, for words of any length, stopping now and then. */
export function* mergeInPieces(symbols: number[], { ranks, merged }: Merges, ids: number[]): Work<void> {
  const count = symbols.length;
  const current = Int32Array.from(symbols);
  const next = Int32Array.from({ length: count }, (_, i) => i + 1);
  const previous = Int32Array.from({ length: count }, (_, i) => i - 1);
  /** The rank of the pair that begins at a place; -1 for none, also where the symbol is gone. */
  const pairs = new Int32Array(count).fill(-1);
  const queue = new Queue(count);
  const enter = (place: number) => {
    const rank = next[place]! < count ? ranks.get(current[place]!, current[next[place]!]!) : -1;
    pairs[place] = rank;
    if (rank >= 0) queue.push(rank, place);
  };
  for (let place = 0; place + 1 < count; place++) enter(place);
  for (let step = 1; queue.pop(); step++) {
    if (step % 4096 === 0) yield;
    const { rank, place } = queue;
    // Neighbours may have changed since.
    if (pairs[place] !== rank) continue;
    const right = next[place]!;
    current[place] = merged[rank]!;
    pairs[right] = -1;
    const behind = next[right]!;
    next[place] = behind;
    if (behind < count) previous[behind] = place;
    enter(place);
    if (previous[place]! >= 0) enter(previous[place]!);
  }
  for (let place = 0; place < count; place = next[place]!) ids.push(current[place]!);
}

/** A heap of pairs, lowest rank first, then leftmost. */
class Queue {
  /** Of the pair that `pop` took. */
  rank = 0;
  place = 0;
  /** Rank and place in one number: both are below 2^26. */
  #keys: Float64Array;
  #size = 0;

  constructor(expected: number) {
    this.#keys = new Float64Array(Math.max(16, 2 * expected));
  }

  push(rank: number, place: number): void {
    if (this.#size === this.#keys.length) {
      const larger = new Float64Array(2 * this.#size);
      larger.set(this.#keys);
      this.#keys = larger;
    }
    const keys = this.#keys;
    const key = rank * 2 ** 26 + place;
    let at = this.#size++;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (keys[parent]! <= key) break;
      keys[at] = keys[parent]!;
      at = parent;
    }
    keys[at] = key;
  }

  /** Takes the first pair; false where there is none. */
  pop(): boolean {
    if (this.#size === 0) return false;
    const keys = this.#keys;
    const key = keys[0]!;
    this.rank = Math.floor(key / 2 ** 26);
    this.place = key % 2 ** 26;
    const moved = keys[--this.#size]!;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= this.#size) break;
      if (child + 1 < this.#size && keys[child + 1]! < keys[child]!) child++;
      if (keys[child]! >= moved) break;
      keys[at] = keys[child]!;
      at = child;
    }
    keys[at] = moved;
    return true;
  }
}
