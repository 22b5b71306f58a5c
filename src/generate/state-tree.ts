import type { StateKind, Weighed } from './eviction.ts';

/** The parts of a kept state that a tree needs. */
export interface Kept {
  readonly state: { readonly tokens: readonly number[]; readonly position: number };
  /** Whether an answer can begin from it at once. */
  readonly hasLogits: boolean;
  /** Of GPU memory. */
  readonly bytes: number;
  dispose(): void;
}

/** A place where a state is kept, or is about to be. */
export interface Place<One> extends Weighed {
  kind: StateKind;
  used: number;
  shared: boolean;
  parent: Place<One> | null;
  tokens: readonly number[];
  /** Null until it is taken. */
  snapshot: One | null;
}

/** Places by their tokens: each knows the longest other one that it goes on from. */
export class StateTree<One extends Kept> {
  readonly #places = new Set<Place<One>>();

  get places(): readonly Place<One>[] {
    return [...this.#places];
  }

  get bytes(): number {
    return this.places.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** The longest place that `ids` begin with, of those that are wanted. */
  longest(ids: readonly number[], wanted: (place: Place<One>) => boolean = () => true): Place<One> | null {
    let longest: Place<One> | null = null;
    for (const place of this.#places) {
      const longer = place.position > (longest?.position ?? 0);
      if (longer && wanted(place) && isPrefix(place.tokens, ids)) longest = place;
    }
    return longest;
  }

  /** The place of exactly these tokens. */
  at(tokens: readonly number[]): Place<One> | null {
    return this.longest(tokens, ({ position }) => position === tokens.length);
  }

  /** Makes a place of tokens that have none. */
  add(place: Omit<Place<One>, 'parent' | 'position'>): Place<One> {
    const { tokens } = place;
    const added = { ...place, position: tokens.length, parent: this.longest(tokens) };
    for (const other of this.#places) {
      const below = other.parent === added.parent && other.position > added.position;
      if (below && isPrefix(tokens, other.tokens)) other.parent = added;
    }
    this.#places.add(added);
    return added;
  }

  remove(place: Place<One>): void {
    this.#places.delete(place);
    for (const other of this.#places) if (other.parent === place) other.parent = place.parent;
  }
}

/** Whether `ids` begin with `prefix`. */
export function isPrefix(prefix: ArrayLike<number>, ids: ArrayLike<number>): boolean {
  return prefix.length <= ids.length && commonLength(prefix, ids) === prefix.length;
}

/** How many first ids two lists have in common. */
export function commonLength(one: ArrayLike<number>, other: ArrayLike<number>): number {
  const most = Math.min(one.length, other.length);
  let common = 0;
  while (common < most && one[common] === other[common]) common++;
  return common;
}
