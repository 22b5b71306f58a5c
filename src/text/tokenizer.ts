// Text to token ids and back, behind a small interface of our own. Two adapters fill it: from a checkpoint's
// tokenizer.json and tokenizer_config.json, and from a tokenizer object of @huggingface/transformers.

import { Tokenizer as LibraryTokenizer } from '@huggingface/tokenizers';

import { BambaError } from '../errors.ts';
import { AddedTokenSplitter } from './added-tokens.ts';
import { pieceDecoding, type PieceDecoding, type TokenPiece } from './token-pieces.ts';
import {
  type AddedToken,
  checkTokenizerFiles,
  isRecord,
  readNamedToken,
  type TokenizerFiles,
} from './tokenizer-files.ts';

/** The tokens that tokenizer_config.json names, as far as it does: chat templates use them by these names. */
export type NamedTokens = Readonly<Partial<Record<(typeof NAMED_TOKENS)[number], string>>>;

const NAMED_TOKENS = [
  'bos_token',
  'eos_token',
  'unk_token',
  'sep_token',
  'pad_token',
  'cls_token',
  'mask_token',
] as const;

/**
 * A checkpoint's tokenizer.
 *
 * ```ts
 * const tokenizer = createTokenizer(tokenizerJson, tokenizerConfig);
 * const ids = tokenizer.encode('What is an apple?', { addSpecialTokens: false });
 * tokenizer.decode(ids, { skipSpecialTokens: true }); // 'What is an apple?'
 * ```
 */
export interface Tokenizer {
  /** One more than the largest id. A model may have more rows in its embedding than this. */
  readonly vocabSize: number;
  /** Ids that steer the model and are no text: begin and end, roles, padding. */
  readonly specialIds: ReadonlySet<number>;
  /** The strings of `specialIds` that `encode` recognises in text. */
  readonly specialTokens: readonly string[];
  readonly namedTokens: NamedTokens;
  /**
   * The ids of a text. Strings of added tokens in it become those tokens.
   *
   * @param options `addSpecialTokens`: also put in what the tokenizer's post-processor adds, such as a first BOS
   */
  encode(text: string, options: { addSpecialTokens: boolean }): number[];
  /**
   * As `encode` without special tokens added, but every `mark` is taken out after the text was cut at the added
   * tokens: the string of a special token with a mark inside stays ordinary text.
   *
   * @param mark one character that the text has nowhere else
   */
  encodeMarked(text: string, mark: string): number[];
  /**
   * The text of ids, exactly as the tokens have it: spaces before punctuation stay (no `clean_up_tokenization_spaces`).
   * Bytes that form no character give U+FFFD, and ids beyond the vocabulary nothing.
   */
  decode(ids: readonly number[], options: { skipSpecialTokens: boolean }): string;
  /** The id of a vocabulary string, in the vocabulary's own spelling. */
  tokenToId(token: string): number | undefined;
  /** The vocabulary string of an id. */
  idToToken(id: number): string | undefined;
  /** How tokens decode one by one; null where the decoder does not work that way. */
  readonly pieces: PieceDecoding | null;
  /** What one id contributes to the text; null beyond the vocabulary, or where `pieces` is null. */
  piece(id: number): TokenPiece | null;
  /** The UTF-8 bytes of one id, possibly a part of a character; null where `piece` is. */
  tokenBytes(id: number): Uint8Array | null;
}

/**
 * Makes a tokenizer from the parsed JSON of a checkpoint's tokenizer.json and tokenizer_config.json.
 *
 * @throws BambaError `config_invalid` when the files are not what they should be
 */
export function createTokenizer(tokenizerJson: unknown, tokenizerConfig: unknown): Tokenizer {
  const files = checkTokenizerFiles(tokenizerJson, tokenizerConfig);
  let library;
  try {
    library = new LibraryTokenizer(files.tokenizer, files.config);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new BambaError('config_invalid', `The tokenizer of this model cannot be used: ${reason}.`, { cause });
  }
  return new FileTokenizer(library, files);
}

/** The parts of a tokenizer object of @huggingface/transformers 4 that are used here. */
export interface TransformersTokenizer {
  readonly _tokenizer: LibraryTokenizer;
  readonly _tokenizerJSON: unknown;
  readonly _tokenizerConfig: unknown;
}

/** Whether a value is a tokenizer object of @huggingface/transformers 4, by its shape: the package is not imported. */
export function isTransformersTokenizer(value: unknown): value is TransformersTokenizer {
  // Its tokenizers are callable, hence functions.
  if (typeof value !== 'function' && !isRecord(value)) return false;
  const { _tokenizer: inner, _tokenizerJSON: json, _tokenizerConfig: config } = value as Partial<TransformersTokenizer>;
  if (!isRecord(json) || !isRecord(config) || typeof inner !== 'object' || inner === null) return false;
  const methods = ['encode', 'decode', 'token_to_id', 'id_to_token'] as const;
  return methods.every((method) => typeof inner[method] === 'function');
}

/**
 * Makes a tokenizer from a tokenizer object of @huggingface/transformers 4, sharing its tables.
 *
 * @throws BambaError `config_invalid` when it is no such object, or was made from files that are not valid
 */
export function fromTransformersTokenizer(value: unknown): Tokenizer {
  if (!isTransformersTokenizer(value)) {
    throw new BambaError(
      'config_invalid',
      'The tokenizer given is not a tokenizer object of @huggingface/transformers 4. Pass what AutoTokenizer.from_pretrained returns, or leave it out to use the one of the model.',
    );
  }
  const { _tokenizer: library, _tokenizerJSON: json, _tokenizerConfig: config } = value;
  return new FileTokenizer(library, checkTokenizerFiles(json, config));
}

class FileTokenizer implements Tokenizer {
  readonly vocabSize: number;
  readonly specialIds: ReadonlySet<number>;
  readonly specialTokens: readonly string[];
  readonly namedTokens: NamedTokens;
  readonly pieces: PieceDecoding | null;
  readonly #library: LibraryTokenizer;
  readonly #model: NonNullable<LibraryTokenizer['model']>;
  readonly #config: Record<string, unknown>;
  readonly #addedContents: ReadonlySet<string>;
  readonly #splitRaw: AddedTokenSplitter;
  readonly #splitNormalized: AddedTokenSplitter;

  constructor(library: LibraryTokenizer, { tokenizer, config, addedTokens }: TokenizerFiles) {
    if (library.model === null) throw new BambaError('config_invalid', 'tokenizer.json has no model of a known type.');
    this.#library = library;
    this.#model = library.model;
    this.#config = config;
    this.vocabSize = library.model.vocab.length;
    this.#addedContents = new Set(addedTokens.map((token) => token.content));

    const raw = new Map<string, AddedToken>();
    const normalized = new Map<string, AddedToken>();
    for (const token of addedTokens) {
      const { normalizer } = library;
      if (token.normalized && normalizer !== null) normalized.set(normalizer.normalize(token.content), token);
      else raw.set(token.content, token);
    }
    this.#splitRaw = new AddedTokenSplitter(raw);
    this.#splitNormalized = new AddedTokenSplitter(normalized);

    this.namedTokens = Object.fromEntries(
      NAMED_TOKENS.map((key) => [key, readNamedToken(config, key)]).filter(([, token]) => token !== null),
    ) as NamedTokens;
    const special = new Set([...Object.values(this.namedTokens), ...additionalSpecialTokens(config)]);
    for (const token of addedTokens) if (token.special) special.add(token.content);
    this.specialTokens = [...special].filter((token) => this.#addedContents.has(token));
    this.specialIds = new Set([...special].flatMap((token) => library.token_to_id(token) ?? []));

    // With an end-of-word suffix the library rewrites the text after decoding.
    this.pieces = library.model.end_of_word_suffix ? null : pieceDecoding(tokenizer.decoder);
  }

  encode(text: string, { addSpecialTokens }: { addSpecialTokens: boolean }): number[] {
    return this.#library.encode(text, { add_special_tokens: addSpecialTokens }).ids;
  }

  encodeMarked(text: string, mark: string): number[] {
    return this.#splitRaw.split(text).flatMap((section, index) => {
      if (section.token !== null) return [section.token.id];
      return this.#splitNormalized.split(this.#normalize(section.text)).flatMap((part) => {
        if (part.token !== null) return [part.token.id];
        return this.#encodePlain(part.text.replaceAll(mark, ''), index);
      });
    });
  }

  decode(ids: readonly number[], { skipSpecialTokens }: { skipSpecialTokens: boolean }): string {
    const kept = ids.filter(
      (id) => this.idToToken(id) !== undefined && !(skipSpecialTokens && this.specialIds.has(id)),
    );
    if (kept.length === 0) return '';
    return this.#library.decode(kept, { skip_special_tokens: false, clean_up_tokenization_spaces: false });
  }

  tokenToId(token: string): number | undefined {
    return this.#library.token_to_id(token);
  }

  idToToken(id: number): string | undefined {
    return this.#library.id_to_token(id);
  }

  piece(id: number): TokenPiece | null {
    const token = this.idToToken(id);
    if (token === undefined || this.pieces === null) return null;
    return this.pieces.piece(token, this.#addedContents.has(token));
  }

  tokenBytes(id: number): Uint8Array | null {
    const piece = this.piece(id);
    if (piece === null) return null;
    return piece.kind === 'bytes' ? piece.bytes : new TextEncoder().encode(piece.text);
  }

  #normalize(text: string): string {
    let result = text;
    if (this.#config.remove_space === true) result = result.trim().split(/\s+/).join(' ');
    if (this.#config.do_lowercase_and_remove_accent === true) {
      result = result.toLowerCase().replace(/\p{M}/gu, '');
    }
    return this.#library.normalizer?.normalize(result) ?? result;
  }

  /** @param index of the section in the whole text: a Metaspace pre-tokenizer may treat the first one differently */
  #encodePlain(text: string, index: number): number[] {
    if (text === '') return [];
    const words = this.#library.pre_tokenizer?.pre_tokenize(text, { section_index: index }) ?? [text];
    const tokens = this.#model(words);
    // A vocabulary may hold the special tokens too and find them in plain text (Unigram does): then the text is cut
    // inside that string. The unknown token is special as well and legitimate where its string is not in the text.
    const found = tokens.find((token) => this.specialTokens.includes(token) && text.includes(token));
    const width = found === undefined ? 0 : String.fromCodePoint(found.codePointAt(0)!).length;
    if (found !== undefined && found.length > width) {
      const cut = text.indexOf(found) + width;
      return [...this.#encodePlain(text.slice(0, cut), index), ...this.#encodePlain(text.slice(cut), index + 1)];
    }
    return tokens.flatMap((token) => this.tokenToId(token) ?? this.#model.unk_token_id ?? []);
  }
}

function additionalSpecialTokens(config: Record<string, unknown>): string[] {
  const list = config.additional_special_tokens;
  return Array.isArray(list)
    ? list.flatMap((token: unknown) =>
        typeof token === 'string' ? token : isRecord(token) && typeof token.content === 'string' ? token.content : [],
      )
    : [];
}
