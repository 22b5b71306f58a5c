import type { Place } from './automaton.ts';

/**
 * The tokens of a vocabulary in the order of their bytes. So tokens with the same beginning go through a grammar together,
 * and leave it together.
 */
export class TokenTrie {
  /** Token ids, sorted by their bytes. */
  readonly #ids: readonly number[];
  readonly #bytes: readonly Uint8Array[];
  /** How many first bytes a token shares with the one before it. */
  readonly #shared: Uint32Array;

  /** @param bytes of each token by its id; null or empty for those that are no text */
  constructor(bytes: readonly (Uint8Array | null)[]) {
    const texts = bytes.flatMap((one, id) => (one && one.length > 0 ? [{ id, bytes: one }] : []));
    texts.sort((a, b) => compare(a.bytes, b.bytes));
    this.#ids = texts.map(({ id }) => id);
    this.#bytes = texts.map((one) => one.bytes);
    this.#shared = Uint32Array.from(this.#bytes, (one, index) =>
      index === 0 ? 0 : sharedLength(this.#bytes[index - 1]!, one),
    );
  }

  /** Sets the bits of all tokens that may come at a place. */
  allow(start: Place, mask: Uint32Array): void {
    const path: Place[] = [start];
    // Of the bytes of the token before, those that the grammar went along with.
    let followed = 0;
    for (let index = 0; index < this.#ids.length; index++) {
      const shared = this.#shared[index]!;
      const bytes = this.#bytes[index]!;
      // It fails where the one before failed, or goes on from where they part.
      if (shared > followed) continue;
      followed = shared;
      while (followed < bytes.length) {
        const next = path[followed]!.next(bytes[followed]!);
        if (!next) break;
        path[++followed] = next;
      }
      if (followed < bytes.length) continue;
      const id = this.#ids[index]!;
      mask[id >>> 5] = mask[id >>> 5]! | (1 << (id & 31));
    }
  }
}

function compare(a: Uint8Array, b: Uint8Array): number {
  const shared = sharedLength(a, b);
  return (a[shared] ?? -1) - (b[shared] ?? -1);
}

function sharedLength(a: Uint8Array, b: Uint8Array): number {
  const most = Math.min(a.length, b.length);
  let length = 0;
  while (length < most && a[length] === b[length]) length++;
  return length;
}
