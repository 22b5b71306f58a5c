import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packCheckpoint } from '../../engine/loading/pack-checkpoint.ts';
import type { ChatMessage } from '../../engine/protocol.ts';
import type { Gpu } from '../../gpu/device.ts';
import type { Model } from '../../model/model.ts';
import type { PackageSource } from '../../storage/packages/package-source.ts';
import { createTokenizer, type Tokenizer } from '../../text/tokenizer.ts';
import { memorySource } from '../../weights/byte-source.ts';
import type { Scheme } from '../../weights/types.ts';
import { randomCheckpoint } from '../checkpoints/random-checkpoint.ts';
import { BUNDLED_GOLDEN, type Golden, readCheckpointModel } from './golden.ts';

// A model that chats, small enough for every test to load its own: two Mamba-2 blocks, one attention block, 512 tokens, of
// random weights, and a tokenizer made here. What it says is nonsense, but every token has a spelling of its own, so that a
// text says exactly which tokens it is made of.
//
// It is as small as its blocks allow: where the CPU plays the GPU, the width of a model decides how long a prompt takes, and
// what surrounds a model is the same at any width. Wider ones are the goldens, see golden.ts.

/** Token id of the first ASCII character; those before are special. */
const ASCII = 3;
const BEYOND_ASCII = ASCII + 128;
const VOCABULARY = 512;
const CONFIG = {
  model_type: 'bamba',
  dtype: 'bfloat16',
  vocab_size: VOCABULARY,
  hidden_size: 32,
  intermediate_size: 48,
  num_hidden_layers: 3,
  attn_layer_indices: [1],
  num_attention_heads: 2,
  num_key_value_heads: 1,
  head_dim: 16,
  mamba_n_heads: 4,
  mamba_d_head: 16,
  mamba_d_state: 16,
  mamba_chunk_size: 64,
  max_position_embeddings: 4096,
  tie_word_embeddings: false,
  pad_token_id: 0,
  bos_token_id: 1,
  eos_token_id: 2,
};
/** Ends a message, and with it an answer. */
export const TINY_EOS = 2;

/** A bias that keeps special tokens out of an answer: all of it is text then, and only a limit ends it. */
export const NO_SPECIAL: Readonly<Record<number, number>> = { 0: -100, 1: -100, [TINY_EOS]: -100 };

/** How a token of the tiny model is spelled: an ASCII character, or `<200>`; special tokens are no text. */
export function spell(id: number): string {
  if (id < ASCII) return '';
  return id < BEYOND_ASCII ? String.fromCharCode(id - ASCII) : `<${id}>`;
}

/** Ids of a text of ASCII characters. */
export function asciiIds(text: string): number[] {
  return Array.from(text, (character) => character.charCodeAt(0) + ASCII);
}

/** Ids of a chat as the tiny model's template writes it, put together by hand. */
export function tinyPrompt(messages: readonly ChatMessage[]): number[] {
  const ids = (text: string) =>
    [...text.matchAll(/<(\d{3})>|[^]/g)].flatMap(([piece, id]) => (id ? [Number(id)] : asciiIds(piece)));
  const turns = messages.flatMap(({ role, content }) => [
    ...ids(`${role}: ${content}`),
    ...(role === 'assistant' ? [TINY_EOS] : []),
    ...ids('\n'),
  ]);
  return [...turns, ...ids('assistant: ')];
}

/** `role: content` a line, and the end-of-message token behind every answer. */
const TEMPLATE = [
  "{% for message in messages %}{{ message.role + ': ' + message.content }}",
  "{% if message.role == 'assistant' %}{{ eos_token }}{% endif %}{{ '\n' }}{% endfor %}",
  "{% if add_generation_prompt %}{{ 'assistant: ' }}{% endif %}",
].join('');

function addedToken(id: number, content: string, special: boolean): object {
  return { id, content, special, single_word: false, lstrip: false, rstrip: false, normalized: false };
}

/** As `TEMPLATE`, with tools and calls as Hermes has them. */
export const TOOL_TEMPLATE = [
  '{% if tools %}{{ tools | tojson }}\n{% endif %}',
  "{% for message in messages %}{{ message.role + ': ' + message.content }}{% for call in message.tool_calls or [] %}",
  '<tool_call>\n{"name": "{{ call.function.name }}", "arguments": {{ call.function.arguments | tojson }}}\n</tool_call>',
  "{% endfor %}{% if message.role == 'assistant' %}{{ eos_token }}{% endif %}{{ '\n' }}{% endfor %}",
  "{% if add_generation_prompt %}{{ 'assistant: ' }}{% endif %}",
].join('');

/** ASCII as byte-level BPE spells it, and every other id as an added token. */
function tokenizerFiles(template = TEMPLATE): { tokenizer: object; config: object } {
  const special = ['<pad>', '<bos>', '<eos>'];
  const byteLevel = (byte: number) => String.fromCharCode(byte > 32 && byte < 127 ? byte : 256 + alias(byte));
  // Byte-level BPE numbers the bytes that it cannot show from 256 on, in order: 0 to 32, then 127.
  const alias = (byte: number) => (byte === 127 ? 33 : byte);
  const ascii = Array.from({ length: 128 }, (_, byte): [string, number] => [byteLevel(byte), ASCII + byte]);
  const beyond = Array.from({ length: VOCABULARY - BEYOND_ASCII }, (_, index) => BEYOND_ASCII + index);
  return {
    tokenizer: {
      added_tokens: [
        ...special.map((content, id) => addedToken(id, content, true)),
        ...beyond.map((id) => addedToken(id, spell(id), false)),
      ],
      normalizer: null,
      pre_tokenizer: { type: 'ByteLevel', add_prefix_space: false, use_regex: true },
      post_processor: null,
      decoder: { type: 'ByteLevel' },
      model: {
        type: 'BPE',
        vocab: Object.fromEntries([...special.map((content, id): [string, number] => [content, id]), ...ascii]),
        merges: [],
      },
    },
    config: { bos_token: '<bos>', eos_token: '<eos>', pad_token: '<pad>', chat_template: template },
  };
}

/** The tokenizer of the tiny model. */
export function tinyTokenizer(): Tokenizer {
  const { tokenizer, config } = tokenizerFiles();
  return createTokenizer(tokenizer, config);
}

export interface TinyOptions {
  scheme?: Scheme;
  /** generation_config.json. */
  generation?: object;
  /** Chat template. */
  template?: string;
}

/** A checkpoint of these weights, and of the text that all of these models have. */
function withText(
  model: Record<string, Uint8Array>,
  { generation = {}, template }: Omit<TinyOptions, 'scheme'> = {},
): Record<string, Uint8Array> {
  const json = (value: object) => new TextEncoder().encode(JSON.stringify(value));
  const { tokenizer, config } = tokenizerFiles(template);
  return {
    ...model,
    'tokenizer.json': json(tokenizer),
    'tokenizer_config.json': json(config),
    'generation_config.json': json(generation),
  };
}

/** The files of the tiny model's checkpoint. */
export function tinyCheckpoint(options: Omit<TinyOptions, 'scheme'> = {}): Record<string, Uint8Array> {
  return withText(randomCheckpoint(CONFIG), options);
}

/** The tiny model's weights in f64, as the reference takes them. */
export function readTinyModel(): Promise<Pick<Golden, 'architecture' | 'tensors'>> {
  return readCheckpointModel(memorySource(tinyCheckpoint()));
}

/** The tiny model as a package in memory. */
export function packTinyModel({ scheme = 'f32', ...options }: TinyOptions = {}): Promise<PackageSource> {
  return packCheckpoint(memorySource(tinyCheckpoint(options)), scheme, 'tiny');
}

/** The files of the golden of the tree, with the tiny model's text: rows and heads as wide as those of trained models. */
export function goldenCheckpoint(options: Omit<TinyOptions, 'scheme'> = {}): Record<string, Uint8Array> {
  const read = (name: string) => new Uint8Array(readFileSync(join(BUNDLED_GOLDEN, name)));
  return withText({ 'config.json': read('config.json'), 'model.safetensors': read('model.safetensors') }, options);
}

/** That as a package in memory. */
export function packGoldenModel(scheme: Scheme, options: Omit<TinyOptions, 'scheme'> = {}): Promise<PackageSource> {
  return packCheckpoint(memorySource(goldenCheckpoint(options)), scheme, 'golden');
}

/** The tiny model on a GPU, without its text. */
export async function loadTinyModel(gpu: Gpu, options: { contextLength: number }): Promise<Model> {
  // Tests in a browser take the model's files from here, and their runner cannot load shaders.
  const { loadModel } = await import('../../engine/loading/load.ts');
  return loadModel(gpu, await packTinyModel(), options);
}
