// A map from pairs of whole numbers to numbers, in arrays of bytes. A vocabulary has hundreds of thousands of pairs, and
// every character of a text asks for some.

/** Pairs are never removed. */
export class PairTable {
  #first: Int32Array;
  #second: Int32Array;
  #values: Int32Array;
  #size = 0;

  /** @param expected about how many pairs will come */
  constructor(expected: number) {
    const slots = 2 ** Math.ceil(Math.log2(Math.max(16, 2 * expected)));
    this.#first = new Int32Array(slots).fill(-1);
    this.#second = new Int32Array(slots);
    this.#values = new Int32Array(slots);
  }

  /** The value of a pair; -1 where it has none. */
  get(first: number, second: number): number {
    const slot = this.#slot(first, second);
    return this.#first[slot] === first ? this.#values[slot]! : -1;
  }

  /** @param value from 0 on */
  set(first: number, second: number, value: number): void {
    if (2 * this.#size >= this.#first.length) this.#grow();
    const slot = this.#slot(first, second);
    if (this.#first[slot]! < 0) this.#size++;
    this.#first[slot] = first;
    this.#second[slot] = second;
    this.#values[slot] = value;
  }

  /** Where a pair is, or could be. */
  #slot(first: number, second: number): number {
    const mask = this.#first.length - 1;
    let hash = Math.imul(first, 0x9e3779b1) ^ Math.imul(second, 0x85ebca77);
    hash ^= hash >>> 15;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const found = this.#first[slot]!;
      if (found < 0 || (found === first && this.#second[slot] === second)) return slot;
    }
  }

  #grow(): void {
    const [first, second, values] = [this.#first, this.#second, this.#values];
    const slots = 2 * first.length;
    this.#first = new Int32Array(slots).fill(-1);
    this.#second = new Int32Array(slots);
    this.#values = new Int32Array(slots);
    this.#size = 0;
    for (let slot = 0; slot < first.length; slot++) {
      if (first[slot]! >= 0) this.set(first[slot]!, second[slot]!, values[slot]!);
    }
  }
}
