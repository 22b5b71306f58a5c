import { describe, expect, it } from 'vitest';
import { BambaError } from '../../errors.ts';
import type { RopeOrigin } from '../architecture.ts';
import { FAMILY_CONFIGS } from '../../testing/checkpoints/family-configs.ts';
import { GGUF_FAMILIES, ggufFamily, NOT_IN_GGUF } from '../../testing/checkpoints/gguf/families.ts';
import { ggufOfCheckpoint } from '../../testing/checkpoints/gguf-of-checkpoint.ts';
import { randomCheckpoint } from '../../testing/checkpoints/random-checkpoint.ts';
import { type GgufEntry, ggufBytes, ggufData, type GgufTestTensor } from '../../testing/checkpoints/test-gguf.ts';
import { type ByteSource, memorySource } from '../../weights/byte-source.ts';
import { Checkpoint } from '../../weights/checkpoint.ts';
import { readText } from '../../weights/read-text.ts';
import { readSource, resolveSources, sourceRows } from '../../weights/tensor-sources.ts';
import { MODEL_TYPES, parseConfig } from '../config.ts';
import { GGUF_ARCHITECTURES } from './architectures.ts';
import { GgufSource } from './gguf-source.ts';

const open = (bytes: Uint8Array) => new GgufSource(memorySource({ 'x.gguf': bytes }), 'x.gguf');

/** A model's architecture, and the rows of every tensor of its package. */
async function contents(source: ByteSource) {
  const config = parseConfig((await readText(source, 'config.json'))!);
  const checkpoint = await Checkpoint.open(source);
  const tensors: Record<string, number[]> = {};
  for (const { name, sources } of resolveSources(checkpoint, config.tensors)) {
    const rows: number[] = [];
    for (const each of sources) {
      // In two pieces that part a head, so that rows are taken out of the middle of one.
      const count = sourceRows(each);
      const cut = Math.floor(count / 3);
      rows.push(...(await readSource(checkpoint, each, 0, cut)), ...(await readSource(checkpoint, each, cut, count)));
    }
    tensors[name] = rows;
  }
  return { architecture: config.architecture, tensors };
}

/** Numbers may differ by the rounding of a logarithm and of f32, all else not at all. */
function expectSame(found: unknown, expected: unknown, at: string): void {
  if (typeof expected === 'number' && typeof found === 'number') {
    // A logarithm has the error of what it is of.
    const scale = /(mamba\d|gated_delta)\.a\./.test(at) ? 1 : Math.abs(expected);
    if (Math.abs(found - expected) > 1e-6 * scale) throw new Error(`${at}: ${found}, not ${expected}`);
  } else if (at.endsWith('.rope.origin')) {
    // Such files have divisors of frequencies, and do not name the scaling that these come from.
    expect(found, at).toMatchObject({ base: (expected as RopeOrigin).base });
  } else if (typeof expected === 'object' && expected !== null) {
    expect(Object.keys(found ?? {}), at).toEqual(Object.keys(expected));
    for (const [key, value] of Object.entries(expected)) {
      expectSame((found as Record<string, unknown>)[key], value, `${at}.${key}`);
    }
  } else expect(found, at).toBe(expected);
}

const BAMBA = {
  model_type: 'bamba',
  vocab_size: 40,
  hidden_size: 32,
  intermediate_size: 48,
  num_hidden_layers: 3,
  attn_layer_indices: [1],
  num_attention_heads: 2,
  num_key_value_heads: 1,
  mamba_n_heads: 4,
  mamba_d_head: 16,
  mamba_d_state: 16,
  max_position_embeddings: 4096,
};

const PHI3_LONG = {
  model_type: 'phi3',
  vocab_size: 40,
  hidden_size: 32,
  intermediate_size: 48,
  num_hidden_layers: 1,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  sliding_window: 12,
  max_position_embeddings: 64,
  original_max_position_embeddings: 16,
  rope_scaling: {
    rope_type: 'longrope',
    long_factor: [1, 2, 4, 8],
    short_factor: [1, 1, 1.5, 2],
    attention_factor: 1.25,
  },
};

/** Models that files are made of. */
const CONFIGS = Object.entries<Readonly<Record<string, unknown>>>({
  'bamba: attention in one of three blocks': BAMBA,
  'phi3: divisors for long texts, windows': PHI3_LONG,
  ...FAMILY_CONFIGS,
}).filter(([, config]) => ggufFamily(config) !== undefined);

describe('GgufSource', () => {
  it.each(CONFIGS)('reads a file as the checkpoint that it was made of: %s', async (_, config) => {
    const { held, readAs } = ggufFamily(config)!;
    const files = randomCheckpoint({ ...config, ...held });
    const { architecture, tensors } = await contents(memorySource(files));
    const expected = { architecture: { ...architecture, family: readAs ?? architecture.family }, tensors };
    const found = await contents(open(await ggufOfCheckpoint(files)));
    expectSame(found, expected, 'model');
  });

  it('has every family in one of two lists: those of GGUF files, and those that no such file can hold', () => {
    const listed = [...Object.keys(GGUF_FAMILIES), ...Object.keys(NOT_IN_GGUF)];
    expect(listed.toSorted()).toEqual(MODEL_TYPES.toSorted());
    const families = Object.values(GGUF_FAMILIES).flatMap((family) => [family, family.withExperts ?? family]);
    const made = new Set(families.map(({ architecture }) => architecture));
    expect([...made].toSorted()).toEqual(GGUF_ARCHITECTURES.toSorted());
    const tested = new Set(CONFIGS.map(([, config]) => String(config['model_type'])));
    expect([...tested].toSorted()).toEqual(Object.keys(GGUF_FAMILIES).toSorted());
    const read = new Set(CONFIGS.map(([, config]) => ggufFamily(config)!.architecture));
    expect([...read].toSorted()).toEqual(GGUF_ARCHITECTURES.toSorted());
  });

  const vocabulary = (extra: Readonly<Record<string, GgufEntry>> = {}): Record<string, GgufEntry> => ({
    'tokenizer.ggml.model': { text: 'gpt2' },
    'tokenizer.ggml.tokens': { texts: ['a', 'b', 'ab', '</s>'] },
    'tokenizer.ggml.merges': { texts: ['a b'] },
    ...extra,
  });
  const llama = (metadata: Readonly<Record<string, GgufEntry>> = {}, tensors: GgufTestTensor[] = []) => {
    const embedding = ggufData(
      'F32',
      Array.from({ length: 32 }, (_, i) => i),
    );
    return open(
      ggufBytes(
        {
          'general.architecture': { text: 'llama' },
          'llama.block_count': { u32: 1 },
          'llama.context_length': { u32: 64 },
          'llama.embedding_length': { u32: 8 },
          'llama.feed_forward_length': { u32: 16 },
          'llama.attention.head_count': { u32: 2 },
          'llama.attention.layer_norm_rms_epsilon': { f32: 1e-5 },
          ...metadata,
        },
        [{ name: 'token_embd.weight', type: 'F32', dims: [8, 4], data: embedding }, ...tensors],
      ),
    );
  };
  const configOf = async (source: GgufSource) =>
    JSON.parse(new TextDecoder().decode((await readText(source, 'config.json'))!)) as Record<string, unknown>;

  it('takes ids that end an answer from the tokenizer', async () => {
    const ids = { 'tokenizer.ggml.eos_token_id': { u32: 3 }, 'tokenizer.ggml.eot_token_id': { u32: 2 } };
    expect((await configOf(llama(vocabulary(ids))))['eos_token_id']).toEqual([3, 2]);
  });

  it('lists the file, and what its metadata stands for', async () => {
    expect(await llama(vocabulary()).list()).toEqual([
      'x.gguf',
      'config.json',
      'tokenizer.json',
      'tokenizer_config.json',
    ]);
    expect(await llama().list()).toEqual(['x.gguf', 'config.json']);
  });

  const short = ggufData('F32', [1, 2]);
  it.each<[string, Readonly<Record<string, GgufEntry>>, GgufTestTensor[], RegExp]>([
    [
      'another architecture',
      { 'general.architecture': { text: 'bert' } },
      [],
      /general\.architecture "bert"; GGUF files/,
    ],
    ['no architecture', { 'general.architecture': { u32: 7 } }, [], /general\.architecture has to be a text/],
    ['a part of a file', { 'split.count': { u16: 3 } }, [], /one of 3 parts.*--merge/],
    ['no blocks', { 'llama.block_count': { u32: 0 } }, [], /llama\.block_count has to be an integer from 1/],
    ['2^63 blocks', { 'llama.block_count': { u64: 2n ** 63n } }, [], /llama\.block_count has to be/],
    ['heads that are text', { 'llama.attention.head_count': { text: 'x' } }, [], /llama\.attention\.head_count has/],
    ['experts', { 'llama.expert_count': { u32: 8 } }, [], /llama\.expert_count has to be 0/],
    [
      'an end beyond the vocabulary',
      vocabulary({ 'tokenizer.ggml.eos_token_id': { u32: 4 } }),
      [],
      /eos_token_id has to/,
    ],
    [
      'another tokenizer',
      vocabulary({ 'tokenizer.ggml.model': { text: 'rwkv' } }),
      [],
      /tokenizer\.ggml\.model "rwkv"/,
    ],
    ['another way of cutting', vocabulary({ 'tokenizer.ggml.pre': { text: 'x' } }), [], /tokenizer\.ggml\.pre "x"/],
    ['types of too few tokens', vocabulary({ 'tokenizer.ggml.token_type': { i32s: [1] } }), [], /each of the 4 tokens/],
    [
      'rotary divisors in rows',
      {},
      [{ name: 'rope_freqs.weight', type: 'F32', dims: [1, 2], data: short }],
      /no short list/,
    ],
  ])('refuses %s', async (_, metadata, tensors, message) => {
    const error = await readText(llama(metadata, tensors), 'config.json').then(
      () => null,
      (fault: unknown) => fault,
    );
    expect(error).toBeInstanceOf(BambaError);
    expect((error as BambaError).message).toMatch(message);
  });

  it('refuses weights of a type that cannot be read by their name', async () => {
    const data = new Uint8Array(110);
    const checkpoint = await Checkpoint.open(llama({}, [{ name: 'output.weight', type: 'Q3_K', dims: [256], data }]));
    expect(() => checkpoint.require('lm_head.weight', [256])).toThrow(/lm_head\.weight has dtype Q3_K; weights can be/);
  });
});
