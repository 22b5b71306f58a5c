// Byte pair encoding: a word begins as its characters, and the pair that the checkpoint learned first is joined first.

import type { Fields } from './fields.ts';
import { mergeAtOnce, mergeInPieces, type Merges } from './merge.ts';
import { PairTable } from './pair-table.ts';
import { byteIds, type Model, noUnknownToken, readVocabulary, type Vocabulary } from './vocabulary.ts';
import type { Work } from './work.ts';

/** Words whose ids are remembered: text repeats its words. */
const KEPT_WORDS = 20_000;
const LONGEST_KEPT = 64;

/** `dropout`, which is for training, is not read: it would make encoding random. */
export function createBpe(fields: Fields): Model {
  return new Bpe(fields);
}

class Bpe implements Model {
  readonly vocabulary: Vocabulary;
  readonly #merges: Merges;
  readonly #unknown: string | null;
  readonly #prefix: string;
  readonly #suffix: string;
  readonly #fusesUnknown: boolean;
  readonly #ignoresMerges: boolean;
  /** The ids of the bytes; null without byte fallback. */
  readonly #bytes: readonly (number | undefined)[] | null;
  readonly #kept = new Map<string, readonly number[]>();

  constructor(fields: Fields) {
    this.vocabulary = readVocabulary(fields.value('vocab'));
    this.#unknown = fields.value('unk_token') === null ? null : fields.text('unk_token');
    this.#prefix = fields.text('continuing_subword_prefix', '');
    this.#suffix = fields.text('end_of_word_suffix', '');
    this.#fusesUnknown = fields.flag('fuse_unk', false);
    this.#ignoresMerges = fields.flag('ignore_merges', false);
    this.#bytes = fields.flag('byte_fallback', false) ? byteIds(this.vocabulary) : null;
    this.#merges = this.#readMerges(fields.list('merges') as (string | [string, string])[]);
  }

  encode(word: string, ids: number[]): void {
    const known = this.#kept.get(word);
    if (known) {
      for (const id of known) ids.push(id);
      return;
    }
    const start = ids.length;
    const whole = this.#ignoresMerges ? this.vocabulary.get(word) : undefined;
    if (whole === undefined) mergeAtOnce(this.#symbols(word), this.#merges, ids);
    else ids.push(whole);
    if (word.length > LONGEST_KEPT) return;
    if (this.#kept.size >= KEPT_WORDS) this.#kept.clear();
    this.#kept.set(word, ids.slice(start));
  }

  *encodeLong(word: string, ids: number[]): Work<void> {
    const whole = this.#ignoresMerges ? this.vocabulary.get(word) : undefined;
    if (whole === undefined) yield* mergeInPieces(this.#symbols(word), this.#merges, ids);
    else ids.push(whole);
  }

  /** The ids that a word begins as: those of its characters, of bytes, and of what is unknown. */
  #symbols(word: string): number[] {
    const ids: number[] = [];
    let unknown = -1;
    for (let at = 0; at < word.length;) {
      const width = word.codePointAt(at)! > 0xffff ? 2 : 1;
      let character = word.slice(at, at + width);
      if (at > 0) character = this.#prefix + character;
      at += width;
      if (at === word.length) character += this.#suffix;
      const id = this.vocabulary.get(character);
      if (id !== undefined) {
        if (unknown >= 0) ids.push(unknown);
        unknown = -1;
        ids.push(id);
        continue;
      }
      // Bytes do not end what is unknown before them: it comes behind them, as in the Rust library.
      if (this.#bytes !== null && this.#pushBytes(character, ids)) continue;
      if (this.#unknown === null) continue;
      if (unknown >= 0 && !this.#fusesUnknown) ids.push(unknown);
      unknown = this.vocabulary.get(this.#unknown) ?? -1;
      if (unknown < 0) throw noUnknownToken(character);
    }
    if (unknown >= 0) ids.push(unknown);
    return ids;
  }

  #pushBytes(character: string, ids: number[]): boolean {
    const bytes = Array.from(new TextEncoder().encode(character), (byte) => this.#bytes![byte]);
    if (bytes.includes(undefined)) return false;
    ids.push(...(bytes as number[]));
    return true;
  }

  #readMerges(list: readonly (string | [string, string])[]): Merges {
    const table = new PairTable(list.length);
    const merged = new Int32Array(list.length);
    // Old files have a first line with a version, which is no merge.
    const pairs = list.filter((merge) => typeof merge !== 'string' || !merge.startsWith('#version'));
    for (const [rank, merge] of pairs.entries()) {
      const space = typeof merge === 'string' ? merge.indexOf(' ') : -1;
      const left = typeof merge === 'string' ? merge.slice(0, space) : merge[0];
      const right = typeof merge === 'string' ? merge.slice(space + 1) : merge[1];
      const first = this.vocabulary.get(left);
      const second = this.vocabulary.get(right);
      const joined = this.vocabulary.get(left + right.slice(this.#prefix.length));
      // Without its tokens a merge is never made.
      if (first === undefined || second === undefined || joined === undefined) continue;
      merged[rank] = joined;
      table.set(first, second, rank);
    }
    return { ranks: table, merged };
  }
}
