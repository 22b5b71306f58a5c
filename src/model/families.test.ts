import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BambaError } from '../errors.ts';
import type { Branch } from '../architecture/architecture.ts';
import { checkPackageTensors, packageTensors, parseArchitecture, parseConfig } from '../architecture/config.ts';
import { checkArchitecture } from './dims.ts';

// What the published configs say, and what is refused of them. Bamba's own are in ../config.test.ts.

type Config = Readonly<Record<string, unknown>>;
const parse = (config: Config) => parseConfig(new TextEncoder().encode(JSON.stringify(config)));
const elements = (shape: readonly number[]) => shape.reduce((product, size) => product * size, 1);
const everySome = <Kind>(count: number, other: Kind, special: Kind, at: readonly number[]) =>
  Array.from({ length: count }, (_, index) => (at.includes(index) ? special : other));

const llama8b = {
  model_type: 'llama',
  hidden_size: 4096,
  intermediate_size: 14_336,
  num_hidden_layers: 32,
  num_attention_heads: 32,
  num_key_value_heads: 8,
  hidden_act: 'silu',
  attention_bias: false,
  mlp_bias: false,
  max_position_embeddings: 131_072,
  rms_norm_eps: 1e-5,
  rope_theta: 500_000,
  rope_scaling: {
    factor: 8,
    low_freq_factor: 1,
    high_freq_factor: 4,
    original_max_position_embeddings: 8192,
    rope_type: 'llama3',
  },
  tie_word_embeddings: false,
  vocab_size: 128_256,
};
const mamba2 = {
  model_type: 'mamba2',
  hidden_size: 768,
  num_hidden_layers: 24,
  num_heads: 24,
  head_dim: 64,
  state_size: 128,
  n_groups: 1,
  conv_kernel: 4,
  expand: 2,
  hidden_act: 'silu',
  layer_norm_epsilon: 1e-5,
  norm_before_gate: true,
  rms_norm: true,
  tie_word_embeddings: true,
  use_bias: false,
  use_conv_bias: true,
  vocab_size: 50_288,
};
const codestral = {
  ...mamba2,
  hidden_size: 4096,
  num_hidden_layers: 64,
  num_heads: 128,
  n_groups: 8,
  tie_word_embeddings: false,
  vocab_size: 32_768,
};
const granite1b = {
  model_type: 'granitemoehybrid',
  hidden_size: 1536,
  num_hidden_layers: 40,
  layer_types: everySome(40, 'mamba', 'attention', [5, 15, 25, 35]),
  num_attention_heads: 12,
  num_key_value_heads: 4,
  mamba_n_heads: 48,
  mamba_d_head: 64,
  mamba_d_state: 128,
  mamba_n_groups: 1,
  mamba_d_conv: 4,
  mamba_expand: 2,
  shared_intermediate_size: 4096,
  intermediate_size: 4096,
  num_local_experts: 0,
  num_experts_per_tok: 0,
  embedding_multiplier: 12,
  attention_multiplier: 0.007_812_5,
  residual_multiplier: 0.22,
  logits_scaling: 6,
  position_embedding_type: 'nope',
  max_position_embeddings: 131_072,
  rms_norm_eps: 1e-5,
  hidden_act: 'silu',
  tie_word_embeddings: true,
  vocab_size: 100_352,
};
const falcon05b = {
  model_type: 'falcon_h1',
  hidden_size: 1024,
  intermediate_size: 2048,
  num_hidden_layers: 36,
  num_attention_heads: 8,
  num_key_value_heads: 2,
  head_dim: 64,
  mamba_d_ssm: 1536,
  mamba_n_heads: 24,
  mamba_d_head: 64,
  mamba_d_state: 128,
  mamba_n_groups: 1,
  mamba_rms_norm: false,
  mamba_norm_before_gate: true,
  max_position_embeddings: 16_384,
  rope_theta: 100_000_000_000,
  rope_scaling: null,
  attention_in_multiplier: 1,
  attention_out_multiplier: 0.9375,
  embedding_multiplier: 5.656_854_249_492_381,
  key_multiplier: 0.390_625,
  lm_head_multiplier: 0.039_062_5,
  mlp_multipliers: [0.883_883_476_483_184_4, 0.585_937_5],
  ssm_in_multiplier: 1.25,
  ssm_multipliers: [0.35, 0.25, 0.36, 0.5, 0.37],
  ssm_out_multiplier: 0.235_702_260_395_515_87,
  tie_word_embeddings: false,
  vocab_size: 32_784,
};
const PATTERN = 'M-M-M-M*-M-M-M-M-M*-M-M-M-M-M*-M-M-M-M-M*-M-M-M-M-M-';
const nemotron8b = {
  model_type: 'nemotron_h',
  hidden_size: 4096,
  intermediate_size: 21_504,
  num_hidden_layers: 52,
  hybrid_override_pattern: PATTERN,
  num_attention_heads: 32,
  num_key_value_heads: 8,
  attention_head_dim: 128,
  mamba_num_heads: 128,
  mamba_head_dim: 64,
  ssm_state_size: 128,
  n_groups: 8,
  conv_kernel: 4,
  mlp_hidden_act: 'relu2',
  mamba_hidden_act: 'silu',
  layer_norm_epsilon: 1e-5,
  max_position_embeddings: 8192,
  sliding_window: null,
  tie_word_embeddings: false,
  time_step_limit: [0, { __float__: 'Infinity' }],
  time_step_min: 0.001,
  use_bias: false,
  use_conv_bias: true,
  vocab_size: 131_072,
};
const all = { llama8b, mamba2, codestral, granite1b, falcon05b, nemotron8b };

describe('published models', () => {
  it.each<[keyof typeof all, number]>([
    ['llama8b', 8_030_261_248],
    ['mamba2', 0.129e9],
    ['codestral', 7.285e9],
    ['granite1b', 1.462e9],
    ['falcon05b', 0.521e9],
    ['nemotron8b', 8.101e9],
  ])('%s has its %d parameters, in tensors that each are taken once', (name, parameters) => {
    const { architecture, tensors } = parse(all[name]);
    const total = tensors.reduce((sum, { shape }) => sum + elements(shape), 0);
    expect(Math.abs(total / parameters - 1)).toBeLessThan(4e-3);
    const rows = tensors
      .flatMap(({ sources }) => sources)
      .map(({ name: source, rows: part }) => `${source} ${part?.join()}`);
    expect(new Set(rows).size).toBe(rows.length);
    expect(() => checkArchitecture(architecture)).not.toThrow();
    // What a package says of itself is enough to load it.
    expect(parseArchitecture(JSON.parse(JSON.stringify(architecture)))).toEqual(architecture);
    const entries = packageTensors(architecture).map(({ name: ours, shape }) => {
      return { name: ours, shape: [...shape], scheme: 'f32' as const, offset: 0, bytes: 0 };
    });
    expect(entries.map(({ name: ours }) => ours)).toEqual(tensors.map(({ name: ours }) => ours));
    expect(() => checkPackageTensors(architecture, entries)).not.toThrow();
  });

  it('Llama 3.1 8B turns whole heads, scaled', () => {
    const { attention, maxPositions, blocks } = parse(llama8b).architecture;
    expect(attention).toMatchObject({ headDim: 128, scale: 1 / Math.sqrt(128), rope: { dims: 128 } });
    expect(maxPositions).toBe(131_072);
    expect(blocks[31]).toEqual([['attention'], ['swiglu']]);
  });

  it('Mamba-2 norms the whole width, but Codestral Mamba, by its shape, each group', () => {
    expect(parse(mamba2).architecture).toMatchObject({ intermediateSize: 0, attention: null, tiedHead: true });
    expect(parse(mamba2).architecture.blocks[0]).toEqual([['mamba2']]);
    expect(parse(codestral).architecture.mamba2).toMatchObject({ groups: 8, normGroups: 8 });
    expect(parse({ ...codestral, vocab_size: 32_000 }).architecture.mamba2).toMatchObject({ groups: 8, normGroups: 1 });
  });

  it('Granite 4.0-H has its factors in the architecture or in its matrices', () => {
    const { architecture, tensors } = parse(granite1b);
    expect(architecture).toMatchObject({ embeddingScale: 12, logitScale: 1 / 6, attention: { rope: null } });
    expect(architecture.attention?.scale).toBe(0.007_812_5);
    const factors = tensors.flatMap(({ name, sources }) => sources.map(({ factor }) => [name, factor] as const));
    const scaled = factors.filter(([, factor]) => factor !== undefined);
    expect(scaled.every(([name, factor]) => /out_proj|o_proj|down/.test(name) && factor === 0.22)).toBe(true);
    expect(scaled).toHaveLength(80);
    expect(tensors.find(({ name }) => name === 'blocks.7.gate_up')).toMatchObject({
      arrange: 'interleave',
      sources: [{ rows: [0, 4096] }, { rows: [4096, 8192] }],
    });
    expect(parse({ ...granite1b, position_embedding_type: 'rope' }).architecture.attention?.rope?.dims).toBe(128);
  });

  it('Falcon-H1 has both mixers side by side, a gate without a norm, and factors for every part of in_proj', () => {
    const { architecture, tensors } = parse(falcon05b);
    expect(architecture.blocks[35]).toEqual([['mamba2', 'attention'], ['swiglu']]);
    expect(architecture.mamba2?.normGroups).toBeNull();
    expect(architecture.attention?.headDim).toBe(64);
    const sources = (name: string) => tensors.find((tensor) => tensor.name === `blocks.0.${name}`)?.sources;
    expect(sources('mamba2.in_proj')).toMatchObject([
      { rows: [0, 1536], factor: 1.25 * 0.35 },
      { rows: [1536, 3072], factor: 1.25 * 0.25 },
      { rows: [3072, 3200], factor: 1.25 * 0.36 },
      { rows: [3200, 3328], factor: 1.25 * 0.5 },
      { rows: [3328, 3352], factor: 1.25 * 0.37 },
    ]);
    const factors = (name: string) => sources(name)?.map(({ factor }) => factor);
    expect(factors('attention.qkv')).toEqual([undefined, 0.390_625, undefined]);
    expect(factors('attention.o_proj')).toEqual([0.9375]);
    expect(factors('gate_up')).toEqual([0.883_883_476_483_184_4, undefined]);
    expect(factors('down')).toEqual([0.585_937_5]);
    expect(sources('mamba2.norm')).toBeUndefined();
    const normed = parse({ ...falcon05b, mamba_rms_norm: true, mamba_norm_before_gate: false, mamba_n_groups: 2 });
    expect(normed.architecture.mamba2).toMatchObject({ groups: 2, normGroups: 2 });
  });

  it('Nemotron-H has one branch a block, in the order of its pattern or of a list', () => {
    const { architecture, tensors } = parse(nemotron8b);
    const kinds: Record<string, Branch> = { M: 'mamba2', '-': 'relu2', '*': 'attention' };
    expect(architecture.blocks).toEqual(Array.from(PATTERN, (letter) => [[kinds[letter]]]));
    expect(architecture.mamba2).toMatchObject({ normGroups: 8, dtLimit: { lo: 0, hi: null } });
    const names: Record<string, string> = { M: 'linear_attention', '-': 'mlp', '*': 'full_attention' };
    const list = Array.from(PATTERN, (letter) => names[letter]);
    const listed = { ...nemotron8b, hybrid_override_pattern: undefined, layers_block_type: list };
    expect(parse({ ...listed, num_hidden_layers: undefined }).architecture).toEqual(architecture);
    expect(tensors[0]?.sources[0]?.aliases).toEqual(['model.embeddings.weight']);
    const noMlp = { ...nemotron8b, hybrid_override_pattern: 'MM', num_hidden_layers: 2 };
    expect(parse(noMlp).architecture).toMatchObject({ intermediateSize: 0, attention: null });
  });
});

describe('variants', () => {
  it.each<[string, Config, Config]>([
    ['hidden_act "gelu"; only "silu"', llama8b, { hidden_act: 'gelu' }],
    ['attention_bias true; only false', llama8b, { attention_bias: true }],
    ['RoPE type "cubic"', llama8b, { rope_scaling: { rope_type: 'cubic' } }],
    ['use_bias true', mamba2, { use_bias: true }],
    ['conv_kernel 3; only 4', mamba2, { conv_kernel: 3 }],
    ['position_embedding_type "alibi"; only "rope"', granite1b, { position_embedding_type: 'alibi' }],
    ['mamba_proj_bias true', granite1b, { mamba_proj_bias: true }],
    ['mamba_norm_before_gate true; only false', falcon05b, { mamba_rms_norm: true }],
    ['projectors_bias true', falcon05b, { projectors_bias: true }],
    ['mlp_hidden_act "silu"; only "relu2"', nemotron8b, { mlp_hidden_act: 'silu' }],
    ['sliding_window 4096; only null', nemotron8b, { sliding_window: 4096 }],
  ])('that are not supported are named: %s', (message, config, change) => {
    expect(() => parse({ ...config, ...change })).toThrow(
      expect.objectContaining({ code: 'unsupported_model', message: expect.stringContaining(message) as string }),
    );
  });

  it.each<[string, Config, Config]>([
    ['num_hidden_layers', llama8b, { num_hidden_layers: null }],
    ['partial_rotary_factor', llama8b, { partial_rotary_factor: 2 }],
    ['num_attention_heads', llama8b, { num_attention_heads: 24, num_key_value_heads: 8 }],
    ['head_dim', mamba2, { head_dim: 48 }],
    ['num_heads', mamba2, { num_heads: -1 }],
    ['n_groups', mamba2, { n_groups: 5 }],
    ['layer_types', granite1b, { layer_types: ['mamba'] }],
    ['logits_scaling', granite1b, { logits_scaling: 0 }],
    ['embedding_multiplier', granite1b, { embedding_multiplier: { __float__: 'Infinity' } }],
    ['residual_multiplier', granite1b, { residual_multiplier: '0.22' }],
    ['shared_intermediate_size', granite1b, { shared_intermediate_size: null }],
    ['mamba_d_head', falcon05b, { mamba_d_ssm: 2048 }],
    ['ssm_multipliers', falcon05b, { ssm_multipliers: [1, 2] }],
    ['mlp_multipliers', falcon05b, { mlp_multipliers: [1, { __float__: 'Infinity' }] }],
    ['key_multiplier', falcon05b, { key_multiplier: { __float__: '-Infinity' } }],
    ['hybrid_override_pattern', nemotron8b, { hybrid_override_pattern: 'M-X' }],
    ['hybrid_override_pattern', nemotron8b, { hybrid_override_pattern: 'M-' }],
    ['layers_block_type', nemotron8b, { hybrid_override_pattern: null }],
    ['hybrid_override_pattern', nemotron8b, { layers_block_type: Array(52).fill('mlp') }],
    ['time_step_limit', nemotron8b, { time_step_limit: [0.1, 0] }],
  ])('that cannot be name the field: %s', (field, config, change) => {
    expect(() => parse({ ...config, ...change })).toThrow(
      expect.objectContaining({ code: 'config_invalid', message: expect.stringContaining(field) as string }),
    );
  });

  it('give a sound architecture or a typed error, whatever is changed', { timeout: 60_000 }, () => {
    const value = fc.oneof(
      fc.integer({ min: -3, max: 300 }),
      fc.constantFrom(null, 0, 2 ** 53, 1e300, -0.5, '', 'x', true, false, [], {}, [1], [null], { a: 1 }, 'M-*'),
      fc.constantFrom({ __float__: 'Infinity' }, [0, { __float__: '-Infinity' }]),
    );
    for (const config of Object.values(all)) {
      const change = fc.dictionary(fc.constantFrom(...Object.keys(config), 'rope_parameters'), value, { maxKeys: 3 });
      const check = (changes: Config) => {
        try {
          const { architecture } = parse({ ...config, ...changes });
          expect(parseArchitecture(JSON.parse(JSON.stringify(architecture)))).toEqual(architecture);
        } catch (error) {
          expect(error).toBeInstanceOf(BambaError);
          expect(['config_invalid', 'unsupported_model']).toContain((error as BambaError).code);
        }
      };
      fc.assert(fc.property(change, check), { numRuns: 300 });
    }
  });

  it('of a manifest that no model of its family has are refused', () => {
    const { architecture } = parse(mamba2);
    const blocks = [...architecture.blocks, [['relu2']]];
    const changed = parseArchitecture({ ...architecture, intermediateSize: 8, blocks });
    expect(() => packageTensors(changed)).toThrow(expect.objectContaining({ code: 'manifest_invalid' }));
  });
});
