import { BambaError } from '../errors.ts';
import type { Tokenizer } from '../text/tokenizer.ts';
import { Automaton, type Place } from './automaton.ts';
import type { Constraint } from './constraint.ts';
import type { Expression } from './grammar.ts';
import { TokenTrie } from './token-trie.ts';

/** The vocabulary that an answer is made of. */
export interface AnswerVocabulary {
  tokenizer: Tokenizer;
  /** Ids of the model, which may have more than the tokenizer. */
  size: number;
  /** Ids that end an answer. */
  stopIds: readonly number[];
  /** Special tokens that are text all the same. */
  shown: ReadonlySet<number>;
}

/** Masks that are kept: inside a string the same one comes again and again. */
const KEPT_MASKS = 64;

/** Makes constraints from grammars, over one vocabulary. */
export class GrammarConstraints {
  readonly #vocabulary: AnswerVocabulary;
  #bytes: (Uint8Array | null)[] = [];
  #trie: TokenTrie | null = null;

  constructor(vocabulary: AnswerVocabulary) {
    this.#vocabulary = vocabulary;
  }

  /**
   * The constraint to the texts of a grammar. The first one takes a moment, in which the vocabulary is sorted.
   * @throws BambaError `unsupported_model` where tokens are not bytes one by one, or none ends an answer
   */
  constrain(grammar: Expression): Constraint {
    const { size, stopIds } = this.#vocabulary;
    this.#trie ??= this.#sort();
    return new GrammarConstraint(new Automaton(grammar).start, this.#trie, this.#bytes, size, stopIds);
  }

  #sort(): TokenTrie {
    const { tokenizer, size, stopIds, shown } = this.#vocabulary;
    if (tokenizer.pieces === null || stopIds.length === 0) {
      throw new BambaError(
        'unsupported_model',
        'Answers of this model cannot be held to a form: its tokens do not stand for bytes one by one, or none of them ends an answer.',
      );
    }
    this.#bytes = Array.from({ length: Math.min(size, tokenizer.vocabSize) }, (_, id) =>
      tokenizer.specialIds.has(id) && !shown.has(id) ? null : tokenizer.tokenBytes(id),
    );
    for (const id of stopIds) this.#bytes[id] = null;
    return new TokenTrie(this.#bytes);
  }
}

class GrammarConstraint implements Constraint {
  readonly #trie: TokenTrie;
  readonly #bytes: readonly (Uint8Array | null)[];
  readonly #size: number;
  readonly #stopIds: readonly number[];
  readonly #masks = new Map<Place, Uint32Array<ArrayBuffer>>();
  #place: Place;

  constructor(
    start: Place,
    trie: TokenTrie,
    bytes: readonly (Uint8Array | null)[],
    size: number,
    stopIds: readonly number[],
  ) {
    this.#place = start;
    this.#trie = trie;
    this.#bytes = bytes;
    this.#size = size;
    this.#stopIds = stopIds;
  }

  mask(): Uint32Array<ArrayBuffer> {
    let mask = this.#masks.get(this.#place);
    if (!mask) {
      mask = new Uint32Array(Math.ceil(this.#size / 32));
      this.#trie.allow(this.#place, mask);
      if (this.#place.complete) for (const id of this.#stopIds) mask[id >>> 5] = mask[id >>> 5]! | (1 << (id & 31));
      if (mask.every((word) => word === 0)) {
        throw new BambaError(
          'unsupported_model',
          'No token of this model goes on in the form that the answer has to have.',
        );
      }
      const [oldest] = this.#masks.keys();
      if (this.#masks.size >= KEPT_MASKS) this.#masks.delete(oldest!);
      this.#masks.set(this.#place, mask);
    }
    return mask;
  }

  accept(token: number): void {
    let place: Place | null = this.#place;
    for (const byte of this.#bytes[token] ?? []) place = place?.next(byte) ?? null;
    if (!place) throw new BambaError('gpu_failure', `Token ${token} was sampled though its mask does not have it.`);
    this.#place = place;
  }
}
