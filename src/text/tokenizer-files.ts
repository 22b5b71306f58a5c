// The files of a checkpoint's tokenizer, checked: whoever published the checkpoint wrote them, so nothing in them is taken
// for granted. The checks here find files that the tokenizer library would crash on, loop over or silently accept.

import { BambaError } from '../errors.ts';

/** One entry of `added_tokens` in tokenizer.json: a string that is always one token, cut out before anything else. */
export interface AddedToken {
  readonly id: number;
  readonly content: string;
  /** Is found only where neither a letter, digit nor underscore stands next to it. */
  readonly singleWord: boolean;
  /** Takes the whitespace before it with it. */
  readonly lstrip: boolean;
  /** Takes the whitespace after it with it. */
  readonly rstrip: boolean;
  /** Looked for in the normalized text instead of the text as given. */
  readonly normalized: boolean;
  /** Steers the model (begin, end, role) and is not part of an answer's text. */
  readonly special: boolean;
}

/** tokenizer.json and tokenizer_config.json after the checks. */
export interface TokenizerFiles {
  /** tokenizer.json, with the optional parts present (null where the file leaves them out). */
  readonly tokenizer: Record<string, unknown>;
  /** tokenizer_config.json. */
  readonly config: Record<string, unknown>;
  readonly addedTokens: readonly AddedToken[];
}

/** No published vocabulary comes near; it bounds what a hostile file can make us allocate. */
const MAX_TOKEN_ID = 1 << 24;

/** No published added token is as long; it bounds how far one looks for them from every place of a text. */
const MAX_ADDED_LENGTH = 512;

const MODEL_TYPES: readonly string[] = ['BPE', 'Unigram', 'WordPiece', 'WordLevel'];

/**
 * Parses one of the tokenizer's JSON files.
 *
 * @param text the file's content
 * @param fileName named in the error
 * @throws BambaError `config_invalid` when it is not JSON
 */
export function parseJsonFile(text: string, fileName: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    throw new BambaError('config_invalid', `${fileName} is not JSON. Download it again; it may have been cut off.`, {
      cause,
    });
  }
}

/**
 * Checks the two parsed files as far as anything reads them.
 *
 * @throws BambaError `config_invalid` with the place that is wrong
 */
export function checkTokenizerFiles(tokenizerJson: unknown, tokenizerConfig: unknown): TokenizerFiles {
  if (!isRecord(tokenizerJson)) throw wrong('tokenizer.json', 'must hold an object');
  if (!isRecord(tokenizerConfig)) throw wrong('tokenizer_config.json', 'must hold an object');
  const { model } = tokenizerJson;
  if (!isRecord(model)) throw wrong('tokenizer.json', 'has no "model" object');
  checkVocabulary(model.vocab);
  // Old files leave out the type.
  const type =
    model.type ?? (Array.isArray(model.vocab) ? 'Unigram' : model.merges === undefined ? 'WordPiece' : 'BPE');
  if (typeof type !== 'string' || !MODEL_TYPES.includes(type)) {
    throw wrong('tokenizer.json', `has a model of type ${JSON.stringify(type)} instead of ${MODEL_TYPES.join(', ')}`);
  }
  if ((type === 'Unigram') !== Array.isArray(model.vocab)) {
    throw wrong('tokenizer.json', `has a model.vocab that is not of the form that ${type} has`);
  }
  if (type === 'BPE') checkMerges(model.merges);
  const addedTokens = readAddedTokens(tokenizerJson.added_tokens ?? []);
  const absent = { normalizer: null, pre_tokenizer: null, post_processor: null, decoder: null };
  return {
    tokenizer: { ...absent, ...tokenizerJson, model: { ...model, type }, added_tokens: addedTokens },
    config: tokenizerConfig,
    addedTokens,
  };
}

/** True for a JSON object: neither null nor an array. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * A token named in tokenizer_config.json, which is a string or an object with `content`.
 *
 * @returns null where the file names none
 * @throws BambaError `config_invalid` for anything else
 */
export function readNamedToken(config: Record<string, unknown>, key: string): string | null {
  const value = config[key] ?? null;
  if (value === null || typeof value === 'string') return value;
  if (isRecord(value) && typeof value.content === 'string') return value.content;
  throw wrong('tokenizer_config.json', `has a "${key}" that is neither a string nor an object with "content"`);
}

function checkVocabulary(vocab: unknown): void {
  if (Array.isArray(vocab)) {
    // Unigram: [token, score] pairs, whose place is the id.
    const bad = vocab.findIndex(
      (pair: unknown) => !Array.isArray(pair) || typeof pair[0] !== 'string' || typeof pair[1] !== 'number',
    );
    if (bad >= 0) throw wrong('tokenizer.json', `has an entry ${bad} in model.vocab that is not [token, score]`);
  } else if (isRecord(vocab)) {
    for (const [token, id] of Object.entries(vocab)) {
      if (!isTokenId(id)) throw wrong('tokenizer.json', `gives ${JSON.stringify(token)} an id that is no token id`);
    }
  } else {
    throw wrong('tokenizer.json', 'has no vocabulary in model.vocab');
  }
}

function checkMerges(merges: unknown): void {
  const bad = Array.isArray(merges)
    ? merges.findIndex(
        (merge: unknown) =>
          typeof merge !== 'string' &&
          !(Array.isArray(merge) && merge.length === 2 && merge.every((part) => typeof part === 'string')),
      )
    : 0;
  if (bad >= 0) throw wrong('tokenizer.json', `has an entry ${bad} in model.merges that is not a pair of tokens`);
}

function readAddedTokens(list: unknown): AddedToken[] {
  if (!Array.isArray(list)) throw wrong('tokenizer.json', 'has "added_tokens" that are not a list');
  return list.map((entry: unknown, index) => {
    if (!isRecord(entry) || typeof entry.content !== 'string' || entry.content === '' || !isTokenId(entry.id)) {
      throw wrong('tokenizer.json', `has an entry ${index} in added_tokens without a valid "id" and "content"`);
    }
    if (entry.content.length > MAX_ADDED_LENGTH) {
      throw wrong(
        'tokenizer.json',
        `has an entry ${index} in added_tokens of more than ${MAX_ADDED_LENGTH} characters`,
      );
    }
    const special = entry.special === true;
    return {
      id: entry.id,
      content: entry.content,
      singleWord: entry.single_word === true,
      lstrip: entry.lstrip === true,
      rstrip: entry.rstrip === true,
      normalized: typeof entry.normalized === 'boolean' ? entry.normalized : !special,
      special,
    };
  });
}

function isTokenId(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) < MAX_TOKEN_ID;
}

function wrong(file: string, what: string): BambaError {
  return new BambaError('config_invalid', `${file} ${what}. Take the file from the model's own repository.`);
}
