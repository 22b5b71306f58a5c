// Text to token ids and back, behind a small interface of our own. Two adapters fill it: from a checkpoint's
// tokenizer.json and tokenizer_config.json, and from a tokenizer object of @huggingface/transformers.

import { BambaError } from '../errors.ts';
import { AddedTokens, type Section } from './added-tokens.ts';
import { createDecoder, type Decoder } from './pipeline/decoders.ts';
import { createModel } from './pipeline/model.ts';
import { createNormalizer, type Normalizer } from './pipeline/normalizers.ts';
import { createPostProcessor, type PostProcessor } from './pipeline/post-processors.ts';
import { createPreTokenizer, type PreTokenizer } from './pipeline/pre-tokenizers.ts';
import type { Model } from './pipeline/vocabulary.ts';
import { finish, finishInSlices, type Work } from './pipeline/work.ts';
import { pieceDecoding, type PieceDecoding } from './token-pieces.ts';
import { checkTokenizerFiles, isRecord, readNamedToken, type TokenizerFiles } from './tokenizer-files.ts';

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
   * As `encode`, in slices of a few milliseconds, between which the thread hears of messages.
   *
   * @param options `signal` ends it
   * @throws BambaError `aborted`
   */
  encodeInSlices(
    text: string,
    options: { addSpecialTokens: boolean; signal?: AbortSignal | undefined },
  ): Promise<number[]>;
  /**
   * As `encode` without special tokens added, but every `mark` is taken out after the text was cut at the added tokens. So
   * the string of a special token with a mark inside stays ordinary text.
   *
   * @param mark one character that the text has nowhere else
   */
  encodeMarked(text: string, mark: string): number[];
  /** As `encodeMarked`, in slices as `encodeInSlices` does it. */
  encodeMarkedInSlices(text: string, mark: string, options: { signal?: AbortSignal | undefined }): Promise<number[]>;
  /**
   * The text of ids, exactly as the tokens have it: spaces before punctuation stay (no `clean_up_tokenization_spaces`).
   * Bytes that form no character give U+FFFD, and ids beyond the vocabulary nothing.
   */
  decode(ids: readonly number[], options: { skipSpecialTokens: boolean }): string;
  /** Begins a text whose ids come one by one. Their results in a row, with `end`, are the text of `decode`. */
  startDecoding(): IdDecoding;
  /** The id of a vocabulary string, in the vocabulary's own spelling. */
  tokenToId(token: string): number | undefined;
  /** The vocabulary string of an id. */
  idToToken(id: number): string | undefined;
  /** How tokens decode one by one; null where the decoder does not work that way. */
  readonly pieces: PieceDecoding | null;
  /** The UTF-8 bytes of one id, possibly a part of a character; null beyond the vocabulary, or where `pieces` is null. */
  tokenBytes(id: number): Uint8Array | null;
}

/** Decodes one text id by id. */
export interface IdDecoding {
  /** Takes the next id; returns the text that is final with it. Ids beyond the vocabulary give nothing. */
  push(id: number): string;
  /** Ends the text; returns what was held back. */
  end(): string;
  /** Whether some text is held back. */
  readonly holds: boolean;
}

/**
 * Makes a tokenizer from the parsed JSON of a checkpoint's tokenizer.json and tokenizer_config.json. It gives the ids
 * and texts that the Rust library `tokenizers` gives.
 *
 * @throws BambaError `config_invalid` when the files are not what they should be, `unsupported_model` when they ask for
 * what is not built
 */
export function createTokenizer(tokenizerJson: unknown, tokenizerConfig: unknown): Tokenizer {
  return new FileTokenizer(checkTokenizerFiles(tokenizerJson, tokenizerConfig));
}

/** The parts of a tokenizer object of @huggingface/transformers 4 that are used here. */
export interface TransformersTokenizer {
  readonly _tokenizer: object;
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
  return methods.every((method) => typeof (inner as Record<string, unknown>)[method] === 'function');
}

/**
 * Makes a tokenizer from the files of a tokenizer object of @huggingface/transformers 4.
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
  const { _tokenizerJSON: json, _tokenizerConfig: config } = value;
  return createTokenizer(json, config);
}

/** Words longer than this are made into tokens in pieces. */
const LONG_WORD = 2048;

class FileTokenizer implements Tokenizer {
  readonly vocabSize: number;
  readonly specialIds: ReadonlySet<number>;
  readonly specialTokens: readonly string[];
  readonly namedTokens: NamedTokens;
  readonly pieces: PieceDecoding | null;
  readonly #normalizer: Normalizer;
  readonly #preTokenizer: PreTokenizer;
  readonly #model: Model;
  readonly #postProcessor: PostProcessor;
  readonly #decoder: Decoder;
  readonly #added: AddedTokens;
  readonly #tokens: readonly (string | undefined)[];

  constructor({ tokenizer, config, addedTokens }: TokenizerFiles) {
    this.#normalizer = createNormalizer(tokenizer.normalizer);
    this.#preTokenizer = createPreTokenizer(tokenizer.pre_tokenizer);
    this.#model = createModel(tokenizer.model);
    this.#postProcessor = createPostProcessor(tokenizer.post_processor);
    this.#decoder = createDecoder(tokenizer.decoder);
    this.#added = new AddedTokens(addedTokens, this.#model.vocabulary, this.#normalizer);
    const tokens: (string | undefined)[] = [];
    for (const [token, id] of this.#model.vocabulary) tokens[id] = token;
    for (const [id, { content }] of this.#added.byId) tokens[id] = content;
    this.#tokens = tokens;
    this.vocabSize = tokens.length;

    this.namedTokens = Object.fromEntries(
      NAMED_TOKENS.map((key) => [key, readNamedToken(config, key)]).filter(([, token]) => token !== null),
    ) as NamedTokens;
    const special = new Set([...Object.values(this.namedTokens), ...additionalSpecialTokens(config)]);
    for (const token of addedTokens) if (token.special) special.add(token.content);
    this.specialTokens = [...special].filter((token) => this.#added.idOf.has(token));
    this.specialIds = new Set([...special].flatMap((token) => this.tokenToId(token) ?? []));
    this.pieces = pieceDecoding(tokenizer.decoder);
  }

  encode(text: string, { addSpecialTokens }: { addSpecialTokens: boolean }): number[] {
    return finish(this.#encode(text, addSpecialTokens));
  }

  encodeInSlices(
    text: string,
    { addSpecialTokens, signal }: { addSpecialTokens: boolean; signal?: AbortSignal | undefined },
  ): Promise<number[]> {
    return finishInSlices(this.#encode(text, addSpecialTokens), signal);
  }

  encodeMarked(text: string, mark: string): number[] {
    return finish(this.#encodeSections(text, mark));
  }

  encodeMarkedInSlices(
    text: string,
    mark: string,
    { signal }: { signal?: AbortSignal | undefined },
  ): Promise<number[]> {
    return finishInSlices(this.#encodeSections(text, mark), signal);
  }

  decode(ids: readonly number[], { skipSpecialTokens }: { skipSpecialTokens: boolean }): string {
    const decoding = this.startDecoding();
    let text = '';
    for (const id of ids) if (!skipSpecialTokens || !this.specialIds.has(id)) text += decoding.push(id);
    return text + decoding.end();
  }

  startDecoding(): IdDecoding {
    const decoding = this.#decoder();
    return {
      push: (id) => {
        const token = this.#added.spelling(id) ?? this.#tokens[id];
        return token === undefined ? '' : decoding.push(token);
      },
      end: () => decoding.end(),
      get holds() {
        return decoding.holds;
      },
    };
  }

  tokenToId(token: string): number | undefined {
    return this.#added.idOf.get(token) ?? this.#model.vocabulary.get(token);
  }

  idToToken(id: number): string | undefined {
    return this.#tokens[id];
  }

  tokenBytes(id: number): Uint8Array | null {
    const token = this.#added.spelling(id) ?? this.#tokens[id];
    return token === undefined || this.pieces === null ? null : this.pieces.bytes(token);
  }

  *#encode(text: string, addSpecialTokens: boolean): Work<number[]> {
    const ids = yield* this.#encodeSections(text, '');
    const parts = this.#postProcessor([ids], addSpecialTokens);
    // Most of them hand on the one list that they were given.
    return parts.length === 1 ? [...parts[0]!] : parts.flat();
  }

  /** @param mark taken out of text that is no added token; none where it is empty */
  *#encodeSections(text: string, mark: string): Work<number[]> {
    const ids: number[] = [];
    for (const section of this.#added.inText.split(text.toWellFormed())) {
      if (section.token !== null) ids.push(section.token.id);
      else yield* this.#encodeSection(section, mark, ids);
      yield;
    }
    return ids;
  }

  *#encodeSection({ text, start }: Section, mark: string, ids: number[]): Work<void> {
    const normalized = yield* this.#normalizer({ text, fromStart: start === 0 }, mark);
    for (const section of this.#added.inNormalized.split(normalized.text)) {
      if (section.token !== null) {
        ids.push(section.token.id);
        continue;
      }
      const plain = mark === '' ? section.text : section.text.replaceAll(mark, '');
      yield* this.#encodePlain(plain, normalized.fromStart && section.start === 0, mark !== '', ids);
    }
  }

  /** @param guarded whether no special token may come of the text */
  *#encodePlain(text: string, fromStart: boolean, guarded: boolean, ids: number[]): Work<void> {
    if (text === '') return;
    const found: number[] = guarded ? [] : ids;
    const { words } = yield* this.#preTokenizer({ words: [text], fromStart });
    for (const [index, word] of words.entries()) {
      if (word.length > LONG_WORD && this.#model.encodeLong) yield* this.#model.encodeLong(word, found);
      else this.#model.encode(word, found);
      if (index % 128 === 127) yield;
    }
    if (!guarded) return;
    // A vocabulary may hold the special tokens too and find them in plain text (Unigram does): then the text is cut
    // inside that string. The unknown token is special as well and legitimate where its string is not in the text.
    const special = this.#specialIn(found, text);
    if (special === null) {
      for (const id of found) ids.push(id);
      return;
    }
    const cut = text.indexOf(special) + firstWidth(special);
    yield* this.#encodePlain(text.slice(0, cut), fromStart, guarded, ids);
    yield* this.#encodePlain(text.slice(cut), false, guarded, ids);
  }

  /** The string of a special token among ids that stands in a text and can be cut; null where there is none. */
  #specialIn(ids: readonly number[], text: string): string | null {
    const id = ids.find((one) => {
      const token = this.specialIds.has(one) ? this.#tokens[one]! : '';
      return token.length > firstWidth(token) && text.includes(token);
    });
    return id === undefined ? null : this.#tokens[id]!;
  }
}

/** The length of a text's first character, in UTF-16 units. */
function firstWidth(text: string): number {
  return (text.codePointAt(0) ?? 0) > 0xffff ? 2 : 1;
}

function additionalSpecialTokens(config: Record<string, unknown>): string[] {
  const list = config.additional_special_tokens;
  return Array.isArray(list)
    ? list.flatMap((token: unknown) =>
        typeof token === 'string' ? token : isRecord(token) && typeof token.content === 'string' ? token.content : [],
      )
    : [];
}
