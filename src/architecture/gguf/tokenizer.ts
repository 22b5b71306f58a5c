import { BambaError } from '../../errors.ts';
import type { GgufMetadata } from '../../weights/gguf/metadata.ts';
import { preTokenizer } from './pre-tokenizers.ts';

// The tokenizer of a GGUF file's metadata, as tokenizer.json and tokenizer_config.json have it. `tokenizer.ggml.model` is
// `gpt2` for byte pairs with a list of merges, `llama` for SentencePiece with a score for each token.

/** Numbers of `tokenizer.ggml.token_type`. */
const [NORMAL, UNKNOWN, CONTROL, USER_DEFINED, BYTE] = [1, 2, 3, 4, 6];

/** The two files, as values of JSON. */
export interface TokenizerTexts {
  tokenizer: Record<string, unknown>;
  config: Record<string, unknown>;
}

interface Vocabulary {
  tokens: readonly string[];
  types: readonly number[];
}

/** The differences between the kinds of tokenizers. */
interface Kind {
  parts: Record<string, unknown>;
  /** Whether a text begins with BOS where the file does not say. */
  beginsWithBos: boolean;
}

/**
 * The tokenizer that a file describes.
 * @throws BambaError `config_invalid` with the key, `unsupported_model` for a kind that is not known.
 */
export function ggufTokenizer(metadata: GgufMetadata): TokenizerTexts {
  const vocabulary = readVocabulary(metadata);
  const kind = metadata.text('tokenizer.ggml.model');
  const { parts, beginsWithBos } = readKind(metadata, kind, vocabulary);
  const { tokens, types } = vocabulary;
  const idOf = (name: string) => metadata.tokenId(`tokenizer.ggml.${name}_token_id`, tokens.length);
  const named = Object.fromEntries(
    [
      ['bos_token', idOf('bos')],
      ['eos_token', idOf('eos')],
      ['unk_token', idOf('unknown')],
      ['pad_token', idOf('padding')],
    ].flatMap(([name, id]) => (id === undefined ? [] : [[name, tokens[id as number]]])),
  ) as Record<string, string>;
  const bos = metadata.flag('tokenizer.ggml.add_bos_token', beginsWithBos) ? idOf('bos') : undefined;
  const eos = metadata.flag('tokenizer.ggml.add_eos_token', false) ? idOf('eos') : undefined;
  const isSpecial = (type: number | undefined) => type === CONTROL || type === UNKNOWN;
  const added = tokens.flatMap((content, id) => {
    const type = types[id];
    if (content === '' || !(isSpecial(type) || type === USER_DEFINED)) return [];
    const special = isSpecial(type);
    return [{ id, content, special, normalized: false, single_word: false, lstrip: false, rstrip: false }];
  });
  return {
    tokenizer: { version: '1.0', added_tokens: added, post_processor: surrounded(tokens, bos, eos), ...parts },
    config: { ...named, ...templates(metadata) },
  };
}

function readVocabulary(metadata: GgufMetadata): Vocabulary {
  const tokens = metadata.texts('tokenizer.ggml.tokens');
  if (!metadata.has('tokenizer.ggml.token_type')) return { tokens, types: tokens.map(() => NORMAL) };
  const types = metadata.numbers('tokenizer.ggml.token_type');
  if (types.length === tokens.length) return { tokens, types };
  throw metadata.invalid('tokenizer.ggml.token_type', `has to have an entry for each of the ${tokens.length} tokens`);
}

function readKind(metadata: GgufMetadata, kind: string, vocabulary: Vocabulary): Kind {
  if (kind === 'gpt2') return bytePairs(metadata, vocabulary);
  if (kind === 'llama') return sentencePieces(metadata, vocabulary);
  throw new BambaError(
    'unsupported_model',
    `${metadata.file} has tokenizer.ggml.model ${JSON.stringify(kind).slice(0, 40)}; gpt2 and llama are supported. ` +
      "Load the model's checkpoint in safetensors format.",
  );
}

/** Byte-level byte pair encoding. */
function bytePairs(metadata: GgufMetadata, { tokens }: Vocabulary): Kind {
  const { steps, ignoresMerges, beginsWithBos, normalizer } = preTokenizer(metadata);
  return {
    beginsWithBos,
    parts: {
      normalizer,
      pre_tokenizer: { type: 'Sequence', pretokenizers: steps },
      decoder: { type: 'ByteLevel' },
      model: {
        type: 'BPE',
        vocab: ids(tokens),
        merges: metadata.texts('tokenizer.ggml.merges'),
        ignore_merges: ignoresMerges,
      },
    },
  };
}

const SPACE = '▁';

/**
 * SentencePiece's byte pairs. There, the two neighbours are joined whose joined token has the highest score. A list of
 * all pairs that make a token, in the order of its score, gives the same.
 */
function sentencePieces(metadata: GgufMetadata, { tokens, types }: Vocabulary): Kind {
  const scores = metadata.numbers('tokenizer.ggml.scores');
  if (scores.length !== tokens.length) {
    throw metadata.invalid('tokenizer.ggml.scores', `has to have an entry for each of the ${tokens.length} tokens`);
  }
  const prefix = metadata.flag('tokenizer.ggml.add_space_prefix', true);
  const unknown = types.indexOf(UNKNOWN);
  const unknownId = metadata.tokenId('tokenizer.ggml.unknown_token_id', tokens.length) ?? unknown;
  const spaces = { type: 'Replace', pattern: { String: ' ' }, content: SPACE };
  const steps: Record<string, unknown>[] = [
    { type: 'Replace', pattern: { String: SPACE }, content: ' ' },
    { type: 'ByteFallback' },
    { type: 'Fuse' },
  ];
  if (prefix) steps.push({ type: 'Strip', content: ' ', start: 1, stop: 0 });
  return {
    beginsWithBos: true,
    parts: {
      normalizer: prefix ? { type: 'Sequence', normalizers: [{ type: 'Prepend', prepend: SPACE }, spaces] } : spaces,
      pre_tokenizer: null,
      decoder: { type: 'Sequence', decoders: steps },
      model: {
        type: 'BPE',
        vocab: ids(tokens),
        merges: pairsByScore(tokens, types, scores),
        byte_fallback: types.includes(BYTE),
        fuse_unk: true,
        unk_token: unknownId >= 0 ? tokens[unknownId] : null,
      },
    },
  };
}

/** All pairs of tokens that together are a token, those of the highest score first. */
function pairsByScore(
  tokens: readonly string[],
  types: readonly number[],
  scores: readonly number[],
): [string, string][] {
  const isText = (id: number) => types[id] === NORMAL || types[id] === USER_DEFINED;
  const known = new Set(tokens.filter((_, id) => isText(id)));
  const order = tokens.map((_, id) => id).filter((id) => isText(id) && (tokens[id] as string).length > 1);
  order.sort((a, b) => (scores[b] as number) - (scores[a] as number) || a - b);
  const pairs: [string, string][] = [];
  for (const id of order) {
    const token = tokens[id] as string;
    for (let at = 1; at < token.length; at++) {
      const left = token.slice(0, at);
      const right = token.slice(at);
      if (known.has(left) && known.has(right)) pairs.push([left, right]);
    }
  }
  return pairs;
}

/** Ids by token; of a token that is there twice, the first. */
function ids(tokens: readonly string[]): Record<string, number> {
  const vocabulary = Object.create(null) as Record<string, number>;
  for (const [id, token] of tokens.entries()) vocabulary[token] ??= id;
  return vocabulary;
}

/** BOS before and EOS after a text, as far as they are wanted. */
function surrounded(tokens: readonly string[], bos: number | undefined, eos: number | undefined): object | null {
  if (bos === undefined && eos === undefined) return null;
  const piece = (id: number | undefined) =>
    id === undefined ? [] : [{ SpecialToken: { id: tokens[id], type_id: 0 } }];
  const text = (id: string) => ({ Sequence: { id, type_id: 0 } });
  const special = [bos, eos].flatMap((id) => (id === undefined ? [] : [id]));
  return {
    type: 'TemplateProcessing',
    single: [...piece(bos), text('A'), ...piece(eos)],
    pair: [...piece(bos), text('A'), ...piece(eos), ...piece(bos), text('B'), ...piece(eos)],
    special_tokens: Object.fromEntries(
      special.map((id) => [tokens[id], { id: tokens[id], ids: [id], tokens: [tokens[id]] }]),
    ),
  };
}

const TEMPLATE = 'tokenizer.chat_template';

/** The chat template, or all of them by name where there are several. */
function templates(metadata: GgufMetadata): Record<string, unknown> {
  const others = metadata.keys().filter((key) => key.startsWith(`${TEMPLATE}.`));
  const main = metadata.has(TEMPLATE) ? metadata.text(TEMPLATE) : undefined;
  if (others.length === 0) return main === undefined ? {} : { chat_template: main };
  const named = others.map((key) => ({ name: key.slice(TEMPLATE.length + 1), template: metadata.text(key) }));
  return { chat_template: main === undefined ? named : [{ name: 'default', template: main }, ...named] };
}
