import { BambaError } from '../../errors.ts';
import type { GgufMetadata } from '../../weights/gguf/metadata.ts';

// How texts are cut into words before byte pairs are joined. GGUF files name the way: `tokenizer.ggml.pre`.

/** A way of cutting texts, with what goes with it. */
interface PreTokenizer {
  /** Parts of `pre_tokenizer` in tokenizer.json. */
  steps: readonly object[];
  /** Whether a word that is a token is taken as it is, whatever merges say. */
  ignoresMerges: boolean;
  /** Whether texts begin with BOS where the file does not say. */
  beginsWithBos: boolean;
  normalizer: object | null;
}

/** Cuts as GPT-2 does, and writes bytes as characters. */
const GPT2 = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true };
const BYTES = { ...GPT2, use_regex: false };
const DIGITS = { type: 'Digits', individual_digits: true };

const CONTRACTIONS = String.raw`(?i:'s|'t|'re|'ve|'m|'ll|'d)`;
const SPACES = String.raw`\s*[\r\n]+|\s+(?!\S)|\s+`;
const LETTERS = String.raw`[^\r\n\p{L}\p{N}]?\p{L}+`;
const SIGNS = String.raw` ?[^\s\p{L}\p{N}]+[\r\n]*`;

const LLAMA3 = [CONTRACTIONS, LETTERS, String.raw`\p{N}{1,3}`, SIGNS, SPACES].join('|');
const QWEN2 = [CONTRACTIONS, LETTERS, String.raw`\p{N}`, SIGNS, SPACES].join('|');
const QWEN35 = [
  CONTRACTIONS,
  String.raw`[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+`,
  String.raw`\p{N}`,
  String.raw` ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*`,
  SPACES,
].join('|');
const UPPER = String.raw`[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]`;
const LOWER = String.raw`[\p{Ll}\p{Lm}\p{Lo}\p{M}]`;
const TEKKEN = [
  String.raw`[^\r\n\p{L}\p{N}]?${UPPER}*${LOWER}+`,
  String.raw`[^\r\n\p{L}\p{N}]?${UPPER}+${LOWER}*`,
  String.raw`\p{N}`,
  String.raw` ?[^\s\p{L}\p{N}]+[\r\n/]*`,
  SPACES,
].join('|');
const GPT4O = [
  String.raw`[^\r\n\p{L}\p{N}]?${UPPER}*${LOWER}+${CONTRACTIONS}?`,
  String.raw`[^\r\n\p{L}\p{N}]?${UPPER}+${LOWER}*${CONTRACTIONS}?`,
  String.raw`\p{N}{1,3}`,
  String.raw` ?[^\s\p{L}\p{N}]+[\r\n/]*`,
  SPACES,
].join('|');

const NFC = { type: 'NFC' };

function plain(steps: readonly object[]): PreTokenizer {
  return { steps, ignoresMerges: false, beginsWithBos: false, normalizer: null };
}

function pattern(regex: string): PreTokenizer {
  return plain([{ type: 'Split', pattern: { Regex: regex }, behavior: 'Isolated', invert: false }, BYTES]);
}

const LLAMA3_WAY = { ...pattern(LLAMA3), ignoresMerges: true, beginsWithBos: true };

/** By `tokenizer.ggml.pre`. */
const WAYS: Readonly<Record<string, PreTokenizer>> = {
  default: plain([GPT2]),
  'gpt-2': plain([GPT2]),
  mpt: plain([GPT2]),
  olmo: plain([GPT2]),
  'granite-docling': plain([GPT2]),
  'command-r': plain([DIGITS, GPT2]),
  refact: plain([DIGITS, GPT2]),
  smollm: plain([DIGITS, GPT2]),
  starcoder: plain([DIGITS, GPT2]),
  llama3: LLAMA3_WAY,
  'llama-v3': LLAMA3_WAY,
  'llama-bpe': LLAMA3_WAY,
  falcon3: LLAMA3_WAY,
  'falcon-h1': LLAMA3_WAY,
  lfm2: LLAMA3_WAY,
  pixtral: LLAMA3_WAY,
  dbrx: pattern(LLAMA3),
  'smaug-bpe': pattern(LLAMA3),
  qwen2: { ...pattern(QWEN2), normalizer: NFC },
  'deepseek-r1-qwen': { ...pattern(QWEN2), normalizer: NFC },
  qwen35: { ...pattern(QWEN35), normalizer: NFC },
  'gpt-4o': pattern(GPT4O),
  tekken: { ...pattern(TEKKEN), ignoresMerges: true, beginsWithBos: true },
};

/** How a file's texts are cut. @throws BambaError `unsupported_model` for a way that is not known. */
export function preTokenizer(metadata: GgufMetadata): PreTokenizer {
  const name = metadata.text('tokenizer.ggml.pre', 'default');
  const way = Object.hasOwn(WAYS, name) ? WAYS[name] : undefined;
  if (way) return way;
  throw new BambaError(
    'unsupported_model',
    `${metadata.file} has tokenizer.ggml.pre ${JSON.stringify(name).slice(0, 40)}; ${Object.keys(WAYS).join(', ')} are ` +
      "supported. Load the model's checkpoint in safetensors format.",
  );
}
