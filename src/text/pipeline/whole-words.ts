// Models that know words: WordPiece, which makes a word of the longest parts that it knows, and WordLevel.

import type { Fields } from './fields.ts';
import { type Model, noUnknownToken, readVocabulary, type Vocabulary } from './vocabulary.ts';

export function createWordLevel(fields: Fields): Model {
  const vocabulary = readVocabulary(fields.value('vocab'));
  const unknown = fields.text('unk_token', '<unk>');
  return {
    vocabulary,
    encode(word, ids) {
      ids.push(vocabulary.get(word) ?? unknownId(vocabulary, unknown, word));
    },
  };
}

export function createWordPiece(fields: Fields): Model {
  const vocabulary = readVocabulary(fields.value('vocab'));
  const unknown = fields.text('unk_token', '[UNK]');
  const prefix = fields.text('continuing_subword_prefix', '##');
  const longest = fields.count('max_input_chars_per_word', 100);
  const longestToken = [...vocabulary.keys()].reduce((length, token) => Math.max(length, token.length), 0);
  return {
    vocabulary,
    encode(word, ids) {
      const parts = isLonger(word, longest) ? null : wordPieces(word, vocabulary, prefix, longestToken);
      if (parts === null) ids.push(unknownId(vocabulary, unknown, word));
      else for (const part of parts) ids.push(part);
    },
  };
}

/** The longest part from the start on that is known, then of what is left; null where a part is not known. */
function wordPieces(word: string, vocabulary: Vocabulary, prefix: string, longest: number): number[] | null {
  const ids: number[] = [];
  for (let start = 0; start < word.length;) {
    const before = start > 0 ? prefix : '';
    let end = Math.min(word.length, start + longest);
    let id: number | undefined;
    for (; end > start; end--) {
      id = vocabulary.get(before + word.slice(start, end));
      if (id !== undefined) break;
    }
    if (id === undefined) return null;
    ids.push(id);
    start = end;
  }
  return ids;
}

function isLonger(word: string, count: number): boolean {
  return word.length > count && Array.from(word).length > count;
}

function unknownId(vocabulary: Vocabulary, unknown: string, word: string): number {
  const id = vocabulary.get(unknown);
  if (id === undefined) throw noUnknownToken(word);
  return id;
}
