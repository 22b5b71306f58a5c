// The common part of the models of tokenizer.json.

import { BambaError } from '../../errors.ts';
import type { Work } from './work.ts';

/** The strings of a model with their ids. */
export type Vocabulary = ReadonlyMap<string, number>;

/** From words to ids. */
export interface Model {
  readonly vocabulary: Vocabulary;
  /** Puts the ids of a word, which is not empty, behind those that are there. */
  encode(word: string, ids: number[]): void;
  /** As `encode`, in pieces, for words too long to be done at once; absent where no word takes long. */
  encodeLong?(word: string, ids: number[]): Work<void>;
}

/** The vocabulary of a model that is an object of strings and ids, as tokenizer-files.ts checks it. */
export function readVocabulary(vocab: unknown): Vocabulary {
  return new Map(Object.entries(vocab as Record<string, number>));
}

/** The ids of `<0x00>` to `<0xFF>`, as far as a vocabulary has them. */
export function byteIds(vocabulary: Vocabulary): (number | undefined)[] {
  return Array.from({ length: 256 }, (_, byte) =>
    vocabulary.get(`<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`),
  );
}

/** For text that a model has no token for. */
export function noUnknownToken(word: string): BambaError {
  return new BambaError(
    'config_invalid',
    `The tokenizer of this model has no token for ${JSON.stringify(word.slice(0, 40))}, and none for what it does not know. Take the files from the model's own repository.`,
  );
}
