import { describe, expect, it } from 'vitest';
import { parseArchitecture, parseConfig } from '../architecture/config.ts';
import { FAMILY_CONFIGS } from '../testing/checkpoints/family-configs.ts';
import { checkArchitecture } from './dims.ts';

// What configs of families with other recurrences become. What they compute is in random-models.gpu.test.ts.

type Config = Readonly<Record<string, unknown>>;
const parse = (config: Config) => parseConfig(new TextEncoder().encode(JSON.stringify(config)));
const small = (family: string) => Object.values(FAMILY_CONFIGS).find((config) => config['model_type'] === family)!;
const sourcesOf = (config: Config, name: string) =>
  parse(config).tensors.find((tensor) => tensor.name === name)!.sources;

/** LFM2 350M, as it is published. */
const LFM2 = {
  model_type: 'lfm2',
  vocab_size: 65_536,
  hidden_size: 1024,
  num_hidden_layers: 16,
  num_attention_heads: 16,
  num_key_value_heads: 8,
  full_attn_idxs: [2, 5, 8, 10, 12, 14],
  block_ff_dim: 6656,
  block_auto_adjust_ff_dim: true,
  block_ffn_dim_multiplier: 1,
  block_multiple_of: 256,
  conv_L_cache: 3,
  conv_bias: false,
  norm_eps: 1e-5,
  rope_theta: 1_000_000,
  tie_embedding: true,
  max_position_embeddings: 128_000,
};

describe('LFM2', () => {
  it('350M has its parameters, and MLPs of two thirds of the width that it names', () => {
    const { architecture, tensors } = parse(LFM2);
    expect(architecture).toMatchObject({ intermediateSize: 4608, shortConv: { convWidth: 3 }, tiedHead: true });
    expect(architecture.blocks[2]).toEqual([['attention'], ['swiglu']]);
    expect(architecture.blocks[3]).toEqual([['short_conv'], ['swiglu']]);
    const parameters = tensors
      .filter(({ sources }) => sources.length > 0)
      .reduce((sum, { shape }) => sum + shape.reduce((product, size) => product * size, 1), 0);
    expect(parameters).toBe(354_483_968);
    expect(() => checkArchitecture(architecture)).not.toThrow();
    expect(parse({ ...LFM2, block_auto_adjust_ff_dim: false }).architecture.intermediateSize).toBe(6656);
  });

  it('says what contradicts what, and what is beyond it', () => {
    const listed = { ...LFM2, layer_types: Array(16).fill('conv') };
    expect(() => parse(listed)).toThrow('full_attn_idxs contradicts layer_types');
    expect(() => parse({ ...LFM2, full_attn_idxs: [16] })).toThrow('full_attn_idxs');
    expect(() => parse({ ...LFM2, conv_L_cache: 5 })).toThrow('conv_L_cache');
    expect(() => parse({ ...LFM2, block_use_swiglu: false })).toThrow('block_use_swiglu');
  });
});

describe('Qwen', () => {
  it('3.5 is the same with eyes and without, but for the names of its tensors', () => {
    const text = small('qwen3_5_text');
    const both = { model_type: 'qwen3_5', text_config: text };
    const { family, ...architecture } = parse(both).architecture;
    expect(family).toBe('qwen3_5');
    expect(parse(text).architecture).toEqual({ ...architecture, family: 'qwen3_5_text' });
    const name = 'linear_attn.in_proj_z.weight';
    expect(sourcesOf(both, 'blocks.0.gated_delta.in_proj')[0]!.name).toBe(`model.language_model.layers.0.${name}`);
    expect(sourcesOf(text, 'blocks.0.gated_delta.in_proj')[0]!.name).toBe(`model.layers.0.${name}`);
    expect(() => parse({ model_type: 'qwen3_5' })).toThrow('text_config is needed');
  });

  it('Next takes every row of its projections once, whatever their order', () => {
    const config = small('qwen3_next');
    for (const module of ['in_proj_qkvz', 'in_proj_ba']) {
      const rows = sourcesOf(config, 'blocks.0.gated_delta.in_proj')
        .filter(({ name }) => name.includes(module))
        .flatMap(({ rows: [begin, end] = [0, 0] }) => Array.from({ length: end - begin }, (_, i) => begin + i));
      const [count] = sourcesOf(config, 'blocks.0.gated_delta.in_proj').find(({ name }) =>
        name.includes(module),
      )!.shape;
      expect(rows.toSorted((left, right) => left - right)).toEqual(Array.from({ length: count! }, (_, row) => row));
    }
  });

  it('is refused where it has blocks of another sort', () => {
    const config = small('qwen3_next');
    expect(() => parse({ ...config, mlp_only_layers: [0] })).toThrow('mlp_only_layers');
    expect(() => parse({ ...config, decoder_sparse_step: 2 })).toThrow('decoder_sparse_step');
    expect(() => parse({ ...config, linear_num_value_heads: 3 })).toThrow('2 key heads do not divide 3 value heads');
    expect(() => parse({ ...config, layer_types: ['mamba', 'mamba'] })).toThrow('layer_types');
    expect(() => checkArchitecture(parse({ ...config, linear_key_head_dim: 260 }).architecture)).toThrow('260');
  });
});

describe('Griffin', () => {
  it('has blocks in a repeated order, and an embedding whose scale has eight bits', () => {
    const config = small('recurrent_gemma');
    const { architecture } = parse({ ...config, hidden_size: 96, lru_width: 96, num_hidden_layers: 5 });
    expect(architecture.blocks.map(([mixer]) => mixer![0])).toEqual([
      'rg_lru',
      'rg_lru',
      'attention',
      'rg_lru',
      'rg_lru',
    ]);
    expect(architecture.embeddingScale).toBe(9.8125);
    expect(() => parse({ ...config, block_types: ['mamba'] })).toThrow('block_types');
    expect(() => parse({ ...config, lru_width: 57 })).toThrow('2 heads do not divide the 57 channels');
  });
});

it.each(Object.keys(FAMILY_CONFIGS))('%s survives a manifest', (name) => {
  const { architecture } = parse(FAMILY_CONFIGS[name]!);
  expect(parseArchitecture(JSON.parse(JSON.stringify(architecture)))).toEqual(architecture);
});
