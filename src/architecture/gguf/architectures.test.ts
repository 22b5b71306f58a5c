import { describe, expect, it } from 'vitest';
import { FAMILY_CONFIGS } from '../../testing/checkpoints/family-configs.ts';
import { GGUF_FAMILIES } from '../../testing/checkpoints/gguf/families.ts';
import { ggufOfCheckpoint } from '../../testing/checkpoints/gguf-of-checkpoint.ts';
import { randomCheckpoint } from '../../testing/checkpoints/random-checkpoint.ts';
import { type GgufEntry, ggufBytes, ggufData, type GgufTestTensor } from '../../testing/checkpoints/test-gguf.ts';
import { memorySource } from '../../weights/byte-source.ts';
import { Checkpoint } from '../../weights/checkpoint.ts';
import { readText } from '../../weights/read-text.ts';
import { parseConfig } from '../config.ts';
import { GgufSource } from './gguf-source.ts';

// What files of an architecture can say in several ways, and what of them is refused.

const open = (bytes: Uint8Array) => new GgufSource(memorySource({ 'x.gguf': bytes }), 'x.gguf');

const SIZES: Readonly<Record<string, GgufEntry>> = {
  block_count: { u32: 4 },
  context_length: { u32: 64 },
  embedding_length: { u32: 8 },
  feed_forward_length: { u32: 16 },
  'attention.head_count': { u32: 2 },
  'attention.layer_norm_rms_epsilon': { f32: 1e-5 },
};

function zeros(name: string, dims: readonly number[]): GgufTestTensor {
  const count = dims.reduce((product, size) => product * size, 1);
  return { name, type: 'F32', dims, data: ggufData('F32', new Float32Array(count)) };
}

/** A file of this architecture, with these keys beside those of all. */
function file(architecture: string, keys: Readonly<Record<string, GgufEntry>>, tensors: GgufTestTensor[] = []) {
  const named = Object.entries({ ...SIZES, ...keys }).map(([key, entry]) => [`${architecture}.${key}`, entry] as const);
  const metadata = { 'general.architecture': { text: architecture }, ...Object.fromEntries(named) };
  return open(ggufBytes(metadata, [zeros('token_embd.weight', [8, 4]), ...tensors]));
}

const configOf = async (source: GgufSource) =>
  JSON.parse(new TextDecoder().decode((await readText(source, 'config.json'))!)) as Record<string, unknown>;

const WINDOW = { 'attention.sliding_window': { u32: 16 } };
const DELTA = {
  'ssm.conv_kernel': { u32: 4 },
  'ssm.state_size': { u32: 4 },
  'ssm.group_count': { u32: 2 },
  'ssm.time_step_rank': { u32: 4 },
  'ssm.inner_size': { u32: 16 },
};
const MAMBA1 = {
  'ssm.conv_kernel': { u32: 4 },
  'ssm.state_size': { u32: 4 },
  'ssm.time_step_rank': { u32: 2 },
  'ssm.inner_size': { u32: 16 },
};

describe('ggufModel', () => {
  const full = (every: number, blocks = 4) =>
    Array.from({ length: blocks }, (_, block) => ((block + 1) % every === 0 ? 'full_attention' : 'sliding_attention'));
  it.each<[string, string, Readonly<Record<string, GgufEntry>>, Readonly<Record<string, unknown>>]>([
    [
      'windows of Gemma 3 by its constant',
      'gemma3',
      { ...WINDOW, block_count: { u32: 7 } },
      { layer_types: full(6, 7) },
    ],
    [
      'windows by a period',
      'gemma3',
      { ...WINDOW, 'attention.sliding_window_pattern': { u32: 3 } },
      { layer_types: full(3) },
    ],
    [
      'windows block by block',
      'gemma2',
      { 'attention.sliding_window_pattern': { bools: [true, true, true, false] } },
      { layer_types: full(4), sliding_window: 4096 },
    ],
    [
      'scores of the largest Gemma by the width of the stream',
      'gemma3',
      { ...WINDOW, block_count: { u32: 62 }, 'attention.key_length': { u32: 6 } },
      { query_pre_attn_scalar: 4, head_dim: 6 },
    ],
    [
      'scores of other Gemmas by the width of a head',
      'gemma3',
      { ...WINDOW, 'attention.key_length': { u32: 6 } },
      { query_pre_attn_scalar: 6 },
    ],
    [
      'blocks that guess further tokens as none of the model',
      'qwen35',
      { ...DELTA, block_count: { u32: 5 }, nextn_predict_layers: { u32: 1 } },
      {
        num_hidden_layers: 4,
        layer_types: [...Array<string>(3).fill('linear_attention'), 'full_attention'],
        linear_value_head_dim: 4,
      },
    ],
    [
      'recurrences block by block',
      'qwen35',
      { ...DELTA, 'attention.recurrent_layers': { bools: [true, false, false, false] } },
      { layer_types: ['linear_attention', ...Array<string>(3).fill('full_attention')] },
    ],
    [
      'one block of attention among Mamba',
      'jamba',
      { ...MAMBA1, 'attention.head_count_kv': { i32s: [0, 0, 1, 0] } },
      { attn_layer_period: 4, attn_layer_offset: 2, expert_layer_period: 5, expert_layer_offset: 4, num_experts: 1 },
    ],
    [
      'YaRN',
      'qwen3',
      {
        'rope.scaling.type': { text: 'yarn' },
        'rope.scaling.factor': { f32: 4 },
        'rope.scaling.original_context_length': { u32: 16 },
        'rope.scaling.yarn_beta_fast': { f32: 24 },
      },
      { rope_scaling: { rope_type: 'yarn', factor: 4, original_max_position_embeddings: 16, beta_fast: 24 } },
    ],
  ])('reads %s', async (_, architecture, keys, expected) => {
    expect(await configOf(file(architecture, keys))).toMatchObject(expected);
  });

  it.each<[string, string, Readonly<Record<string, GgufEntry>>, RegExp]>([
    [
      'an architecture without a family',
      'bert',
      {},
      /general\.architecture "bert"; .* qwen35, .*checkpoint in safeten/,
    ],
    ['OLMo 3, which calls itself OLMo 2', 'olmo2', WINDOW, /is of OLMo 3.*Load another model/],
    [
      'attention that does not come every so many blocks',
      'jamba',
      { ...MAMBA1, 'attention.head_count_kv': { i32s: [1, 1, 0, 1] } },
      /jamba\.attention\.head_count_kv has to be 0 for all blocks but every so manieth/,
    ],
    [
      'more blocks that guess than there are',
      'qwen35',
      { ...DELTA, nextn_predict_layers: { u32: 4 } },
      /qwen35\.nextn_predict_layers has to be less than the 4 blocks/,
    ],
    [
      'heads of values that cannot share those of keys',
      'qwen35',
      { ...DELTA, 'ssm.time_step_rank': { u32: 3 } },
      /qwen35\.ssm\.time_step_rank has to be a multiple of 2/,
    ],
    [
      'channels that are no whole heads',
      'qwen35',
      { ...DELTA, 'ssm.inner_size': { u32: 18 } },
      /qwen35\.ssm\.inner_size has to be a multiple of 4/,
    ],
    [
      'windows of too few blocks',
      'gemma3',
      { ...WINDOW, 'attention.sliding_window_pattern': { bools: [true] } },
      /sliding_window_pattern has to be a list of 4 flags; it is a list of 1/,
    ],
    [
      'Granite without positions',
      'granite',
      { 'attention.scale': { f32: 1 }, 'rope.scaling.finetuned': { bool: false } },
      /attention without positions/,
    ],
  ])('refuses %s', async (_, architecture, keys, message) => {
    await expect(configOf(file(architecture, keys))).rejects.toThrow(message);
  });

  it('refuses tensors with other rows than the metadata gives them', async () => {
    const source = file('qwen35', DELTA, [zeros('blk.0.attn_qkv.weight', [8, 31])]);
    await expect(configOf(source)).rejects.toThrow(/blk\.0\.attn_qkv\.weight has 31 rows, but .* it has 32/);
  });

  it('refuses rows that are no whole number of heads', async () => {
    const checkpoint = await Checkpoint.open(file('qwen35', DELTA, [zeros('blk.0.ssm_out.weight', [12, 8])]));
    const name = 'model.layers.0.linear_attn.out_proj.weight';
    expect(() => checkpoint.require(name, [8, 12])).toThrow(/rows of 12, not of 4 times 4/);
  });

  it('misses experts in a file that has them in two dimensions', async () => {
    const keys = { expert_count: { u32: 2 }, expert_used_count: { u32: 1 }, expert_feed_forward_length: { u32: 4 } };
    const source = file(
      'lfm2moe',
      { ...keys, 'attention.head_count_kv': { u32: 2 }, 'shortconv.l_cache': { u32: 3 } },
      [zeros('blk.0.ffn_up_exps.weight', [8, 8])],
    );
    const checkpoint = await Checkpoint.open(source);
    const name = 'model.layers.0.feed_forward.experts.0.w3.weight';
    expect(() => checkpoint.require(name, [4, 8])).toThrow(name);
  });

  it('takes a Granite MoE with an MLP beside the experts for a Granite 4', async () => {
    const all = Object.entries(FAMILY_CONFIGS).find(([name]) => name.startsWith('granitemoehybrid: a mixture'))!;
    const config = { ...all[1], layer_types: ['attention', 'attention'], position_embedding_type: 'rope' };
    const { rules, keys } = GGUF_FAMILIES['granitemoe']!;
    const family = { architecture: 'granitemoe', rules, keys };
    const { architecture } = parseConfig(
      (await readText(open(await ggufOfCheckpoint(randomCheckpoint(config), family)), 'config.json'))!,
    );
    expect(architecture).toMatchObject({ family: 'granitemoehybrid', moe: { experts: 9, topK: 4 }, mamba2: null });
    expect(architecture.attention!.rope).not.toBeNull();
  });
});
