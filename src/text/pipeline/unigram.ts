// Unigram: of all ways to make a word of tokens the one whose scores add up to most.

import type { Fields } from './fields.ts';
import { PairTable } from './pair-table.ts';
import { byteIds, type Model, noUnknownToken, type Vocabulary } from './vocabulary.ts';
import { finish, type Work } from './work.ts';

/** How much less an unknown character scores than the worst token. */
const UNKNOWN_PENALTY = 10;

export function createUnigram(fields: Fields): Model {
  return new Unigram(fields);
}

class Unigram implements Model {
  readonly vocabulary: Vocabulary;
  readonly #scores: readonly number[];
  readonly #unknownId: number | null;
  readonly #unknownScore: number;
  readonly #bytes: readonly (number | undefined)[] | null;
  /** From a node and a UTF-16 unit to the next node. */
  readonly #children: PairTable;
  /** The id of the token that ends at a node; -1 for none. */
  readonly #tokenAt: number[] = [-1];

  constructor(fields: Fields) {
    const list = fields.list('vocab') as [string, number][];
    this.vocabulary = new Map(list.map(([token], id) => [token, id]));
    this.#scores = list.map(([, score]) => readTwice(score));
    this.#unknownId = fields.value('unk_id') === null ? null : fields.count('unk_id', 0);
    if (this.#unknownId !== null && this.#unknownId >= list.length) throw fields.wrong('unk_id');
    this.#unknownScore = this.#scores.reduce((lowest, score) => Math.min(lowest, score), Infinity) - UNKNOWN_PENALTY;
    this.#bytes = fields.flag('byte_fallback', false) ? byteIds(this.vocabulary) : null;
    this.#children = new PairTable(4 * list.length);
    for (const [token, id] of this.vocabulary) this.#plant(token, id);
  }

  encode(word: string, ids: number[]): void {
    finish(this.encodeLong(word, ids));
  }

  *encodeLong(word: string, ids: number[]): Work<void> {
    const scores = new Float64Array(word.length + 1);
    const starts = new Int32Array(word.length + 1).fill(-1);
    const tokens = new Int32Array(word.length + 1);
    for (let start = 0; start < word.length;) {
      const width = word.codePointAt(start)! > 0xffff ? 2 : 1;
      const score = scores[start]!;
      let isKnown = false;
      let node = 0;
      const reach = (end: number, id: number, total: number) => {
        if (starts[end]! >= 0 && total <= scores[end]!) return;
        scores[end] = total;
        starts[end] = start;
        tokens[end] = id;
      };
      for (let end = start; end < word.length;) {
        node = this.#children.get(node, word.charCodeAt(end++));
        if (node < 0) break;
        const id = this.#tokenAt[node]!;
        if (id < 0) continue;
        reach(end, id, score + this.#scores[id]!);
        isKnown ||= end === start + width;
      }
      if (!isKnown) {
        if (this.#unknownId === null) throw noUnknownToken(word.slice(start));
        reach(start + width, this.#unknownId, score + this.#unknownScore);
      }
      if (Math.floor(start / 4096) !== Math.floor((start + width) / 4096)) yield;
      start += width;
    }
    this.#pushPath(word, starts, tokens, ids);
  }

  /** The best path from the end back to the start, unknown characters in a row as one. */
  #pushPath(word: string, starts: Int32Array, tokens: Int32Array, ids: number[]): void {
    const strings: string[] = [];
    let unknownEnd = -1;
    for (let end = word.length; end > 0; end = starts[end]!) {
      const isUnknown = tokens[end] === this.#unknownId;
      if (isUnknown && unknownEnd < 0) unknownEnd = end;
      if (!isUnknown) {
        if (unknownEnd >= 0) strings.push(word.slice(end, unknownEnd));
        unknownEnd = -1;
        strings.push(word.slice(starts[end], end));
      }
    }
    if (unknownEnd >= 0) strings.push(word.slice(0, unknownEnd));
    for (const token of strings.toReversed()) this.#pushToken(token, ids);
  }

  #pushToken(token: string, ids: number[]): void {
    const id = this.vocabulary.get(token);
    if (id !== undefined) {
      ids.push(id);
      return;
    }
    if (this.#bytes !== null) {
      const bytes = Array.from(new TextEncoder().encode(token), (byte) => this.#bytes![byte]);
      if (!bytes.includes(undefined)) {
        for (const byte of bytes) ids.push(byte!);
        return;
      }
    }
    if (this.#unknownId === null) throw noUnknownToken(token);
    ids.push(this.#unknownId);
  }

  #plant(token: string, id: number): void {
    let node = 0;
    for (let at = 0; at < token.length; at++) {
      const unit = token.charCodeAt(at);
      let child = this.#children.get(node, unit);
      if (child < 0) {
        child = this.#tokenAt.push(-1) - 1;
        this.#children.set(node, unit, child);
      }
      node = child;
    }
    this.#tokenAt[node] = id;
  }
}

/**
 * A number as the Rust library reads it from the file: its digits as a whole number, then divided by a power of ten. It
 * can differ in the last bit, and the last bit decides between ways that score the same.
 */
function readTwice(score: number): number {
  const [digits, exponent = '0'] = String(score).split('e') as [string, string?];
  const [whole, fraction = ''] = digits.split('.') as [string, string?];
  const power = Number(exponent) - fraction.length;
  const significand = Number(whole + fraction);
  return power < 0 ? significand / Number(`1e${-power}`) : significand * Number(`1e${power}`);
}
