// The `model` of tokenizer.json: from words to ids.

import { createBpe } from './bpe.ts';
import { Fields } from './fields.ts';
import { createUnigram } from './unigram.ts';
import type { Model } from './vocabulary.ts';
import { createWordLevel, createWordPiece } from './whole-words.ts';

/**
 * @param value the part of tokenizer.json, with its type and a vocabulary that was checked
 * @throws BambaError `config_invalid` for a model that cannot be had
 */
export function createModel(value: unknown): Model {
  const fields = new Fields(value, 'model');
  switch (fields.type) {
    case 'BPE':
      return createBpe(fields);
    case 'Unigram':
      return createUnigram(fields);
    case 'WordPiece':
      return createWordPiece(fields);
    case 'WordLevel':
      return createWordLevel(fields);
    default:
      throw fields.unknown();
  }
}
