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
const gemma270m = {
  model_type: 'gemma3_text',
  hidden_size: 640,
  intermediate_size: 2048,
  num_hidden_layers: 18,
  num_attention_heads: 4,
  num_key_value_heads: 1,
  head_dim: 256,
  hidden_activation: 'gelu_pytorch_tanh',
  attention_bias: false,
  query_pre_attn_scalar: 256,
  sliding_window: 512,
  _sliding_window_pattern: 6,
  rope_theta: 1_000_000,
  rope_local_base_freq: 10_000,
  rope_scaling: null,
  max_position_embeddings: 32_768,
  attn_logit_softcapping: null,
  final_logit_softcapping: null,
  rms_norm_eps: 1e-6,
  use_bidirectional_attention: false,
  vocab_size: 262_144,
};
const gemma2b = {
  model_type: 'gemma2',
  hidden_size: 2304,
  intermediate_size: 9216,
  num_hidden_layers: 26,
  num_attention_heads: 8,
  num_key_value_heads: 4,
  head_dim: 256,
  hidden_activation: 'gelu_pytorch_tanh',
  hidden_act: 'gelu_pytorch_tanh',
  attention_bias: false,
  query_pre_attn_scalar: 256,
  sliding_window: 4096,
  attn_logit_softcapping: 50,
  final_logit_softcapping: 30,
  rope_theta: 10_000,
  max_position_embeddings: 8192,
  rms_norm_eps: 1e-6,
  vocab_size: 256_000,
};
const qwen2 = {
  model_type: 'qwen2',
  hidden_size: 896,
  intermediate_size: 4864,
  num_hidden_layers: 24,
  num_attention_heads: 14,
  num_key_value_heads: 2,
  hidden_act: 'silu',
  max_position_embeddings: 32_768,
  max_window_layers: 21,
  rms_norm_eps: 1e-6,
  rope_theta: 1_000_000,
  sliding_window: 32_768,
  use_sliding_window: false,
  tie_word_embeddings: true,
  vocab_size: 151_936,
};
const qwen3 = {
  ...qwen2,
  model_type: 'qwen3',
  attention_bias: false,
  hidden_size: 1024,
  intermediate_size: 3072,
  num_hidden_layers: 28,
  num_attention_heads: 16,
  num_key_value_heads: 8,
  head_dim: 128,
  sliding_window: null,
};
const mistral7b = {
  ...llama8b,
  model_type: 'mistral',
  attention_bias: undefined,
  mlp_bias: undefined,
  max_position_embeddings: 32_768,
  rope_theta: 10_000,
  rope_scaling: null,
  sliding_window: 4096,
  vocab_size: 32_000,
};
const olmo2 = {
  model_type: 'olmo2',
  hidden_size: 2048,
  intermediate_size: 8192,
  num_hidden_layers: 16,
  num_attention_heads: 16,
  num_key_value_heads: 16,
  attention_bias: false,
  hidden_act: 'silu',
  max_position_embeddings: 4096,
  rms_norm_eps: 1e-6,
  rope_scaling: null,
  rope_theta: 500_000,
  tie_word_embeddings: false,
  vocab_size: 100_352,
};
const olmo = {
  ...olmo2,
  model_type: 'olmo',
  rms_norm_eps: undefined,
  clip_qkv: null,
  max_position_embeddings: 2048,
  rope_theta: 10_000,
  tie_word_embeddings: true,
  vocab_size: 50_304,
};
const phi3 = {
  model_type: 'phi3',
  hidden_size: 3072,
  intermediate_size: 8192,
  num_hidden_layers: 32,
  num_attention_heads: 32,
  num_key_value_heads: 32,
  attention_bias: false,
  hidden_act: 'silu',
  max_position_embeddings: 4096,
  original_max_position_embeddings: 4096,
  rms_norm_eps: 1e-5,
  rope_scaling: null,
  rope_theta: 10_000,
  sliding_window: 2047,
  tie_word_embeddings: false,
  vocab_size: 32_064,
};
const smollm3 = {
  model_type: 'smollm3',
  hidden_size: 2048,
  intermediate_size: 11_008,
  num_hidden_layers: 36,
  num_attention_heads: 16,
  num_key_value_heads: 4,
  attention_bias: false,
  mlp_bias: false,
  hidden_act: 'silu',
  max_position_embeddings: 65_536,
  no_rope_layer_interval: 4,
  no_rope_layers: null,
  rms_norm_eps: 1e-6,
  rope_theta: 5_000_000,
  sliding_window: null,
  use_sliding_window: false,
  vocab_size: 128_256,
};
const granite2b = {
  model_type: 'granite',
  hidden_size: 2048,
  intermediate_size: 8192,
  num_hidden_layers: 40,
  num_attention_heads: 32,
  num_key_value_heads: 8,
  attention_bias: false,
  mlp_bias: false,
  hidden_act: 'silu',
  attention_multiplier: 0.015_625,
  embedding_multiplier: 12,
  logits_scaling: 8,
  residual_multiplier: 0.22,
  max_position_embeddings: 131_072,
  rms_norm_eps: 1e-5,
  rope_theta: 10_000_000,
  tie_word_embeddings: true,
  vocab_size: 49_160,
};
const graniteMoe = {
  ...granite2b,
  model_type: 'granitemoe',
  mlp_bias: undefined,
  hidden_size: 1024,
  intermediate_size: 512,
  num_hidden_layers: 24,
  num_attention_heads: 16,
  num_local_experts: 32,
  num_experts_per_tok: 8,
  logits_scaling: 6,
  rope_theta: 10_000,
};
const dense = {
  gemma270m,
  gemma2b,
  qwen2,
  qwen3,
  mistral7b,
  olmo,
  olmo2,
  phi3,
  smollm3,
  granite2b,
  graniteMoe,
};
const all = { llama8b, mamba2, codestral, granite1b, falcon05b, nemotron8b, ...dense };

describe('published models', () => {
  it.each<[keyof typeof all, number]>([
    ['llama8b', 8_030_261_248],
    ['mamba2', 0.129e9],
    ['codestral', 7.285e9],
    ['granite1b', 1.462e9],
    ['falcon05b', 0.521e9],
    ['nemotron8b', 8.101e9],
    ['gemma270m', 268_098_176],
    ['gemma2b', 2_614_341_888],
    ['qwen2', 494_032_768],
    ['qwen3', 596_049_920],
    ['mistral7b', 7_241_732_096],
    ['olmo', 1_176_764_416],
    ['olmo2', 1_484_916_736],
    ['phi3', 3_821_079_552],
    ['smollm3', 3_075_098_624],
    ['granite2b', 2.533e9],
    ['graniteMoe', 1.334e9],
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

describe('transformers', () => {
  const attentionOf = (config: Config) => parse(config).architecture.attention!;
  const windows = (config: Config) => attentionOf(config).layers?.map(({ window }) => window);

  it('have windows in every block, in the upper ones, in those that are listed, or in none', () => {
    expect(windows(mistral7b)).toEqual(Array(32).fill(true));
    expect(attentionOf(mistral7b).window).toBe(4096);
    expect(attentionOf({ ...mistral7b, sliding_window: null })).not.toHaveProperty('layers');
    expect(attentionOf(qwen2)).not.toHaveProperty('window');
    const used = { ...qwen2, use_sliding_window: true, num_hidden_layers: 3, max_window_layers: 1 };
    expect(windows(used)).toEqual([false, true, true]);
    const layer_types = ['sliding_attention', 'full_attention', 'full_attention'];
    expect(windows({ ...used, layer_types })).toEqual([true, false, false]);
    expect(windows(gemma2b)?.slice(0, 4)).toEqual([true, false, true, false]);
    expect(windows(gemma270m)?.indexOf(false)).toBe(5);
  });

  it('turn, or do not, block by block', () => {
    const { layers } = attentionOf(smollm3);
    expect(layers?.slice(0, 4).map(({ rope }) => rope)).toEqual(['main', 'main', 'main', 'none']);
    const { rope, localRope, layers: gemma } = attentionOf(gemma270m);
    expect(gemma?.slice(4, 6)).toEqual([
      { window: true, rope: 'local' },
      { window: false, rope: 'main' },
    ]);
    expect(rope!.inverseFrequencies[1]).toBe(Math.fround(1e6 ** (-2 / 256)));
    expect(localRope!.inverseFrequencies[1]).toBe(Math.fround(1e4 ** (-2 / 256)));
    const newer = {
      full_attention: { rope_type: 'linear', rope_theta: 1e6, factor: 8 },
      sliding_attention: { rope_type: 'default', rope_theta: 2e4 },
    };
    const apart = attentionOf({ ...gemma270m, rope_theta: undefined, rope_parameters: newer });
    expect(apart.rope!.inverseFrequencies[0]).toBe(1 / 8);
    expect(apart.localRope!.inverseFrequencies[1]).toBe(Math.fround(2e4 ** (-2 / 256)));
  });

  it('have their norms before, behind or around, of ones where they have no weights', () => {
    expect(parse(olmo2).architecture.normPlaces?.[0]).toBe('after');
    expect(parse(gemma2b).architecture.normPlaces?.[0]).toBe('both');
    const names = (config: Config) => parse(config).tensors.map(({ name }) => name);
    expect(
      names(olmo2)
        .filter((name) => name.includes('norm'))
        .slice(0, 3),
    ).toEqual(['blocks.0.attention.qk_norm', 'blocks.0.post_norm', 'blocks.0.mlp_post_norm']);
    const norms = parse(olmo).tensors.filter(({ name }) => name.includes('norm'));
    expect(norms.slice(0, 2)).toMatchObject([
      { name: 'blocks.0.norm', map: 'add_one', sources: [] },
      { name: 'blocks.0.norm_bias', sources: [] },
    ]);
    const gemma = parse(gemma2b).tensors.find(({ name }) => name === 'blocks.3.mlp_post_norm');
    expect(gemma).toMatchObject({
      map: 'add_one',
      sources: [{ name: 'model.layers.3.post_feedforward_layernorm.weight' }],
    });
  });

  it('have what bounds scores and logits, and what multiplies them', () => {
    expect(parse(gemma2b).architecture).toMatchObject({
      activation: 'gelu_tanh',
      embeddingScale: 48,
      logitCap: 30,
      attention: { scoreCap: 50, scale: 1 / 16 },
    });
    expect(parse(gemma270m).architecture).not.toHaveProperty('logitCap');
    expect(attentionOf({ ...olmo, clip_qkv: 8 }).qkvLimit).toBe(8);
    expect(attentionOf(granite2b).scale).toBe(0.015_625);
  });

  it('have biases where their configs say so, multiplied as what they are added to', () => {
    const biased = parse({ ...granite2b, attention_bias: true, mlp_bias: true });
    expect(biased.architecture.biases).toEqual(['qkv', 'o_proj', 'mlp']);
    const sources = (name: string) => biased.tensors.find((tensor) => tensor.name === `blocks.1.${name}`)?.sources;
    expect(sources('attention.qkv_bias')).toMatchObject([
      { name: 'model.layers.1.self_attn.q_proj.bias', shape: [2048] },
      { name: 'model.layers.1.self_attn.k_proj.bias', shape: [512] },
      { name: 'model.layers.1.self_attn.v_proj.bias', shape: [512] },
    ]);
    expect(sources('attention.o_proj_bias')).toMatchObject([{ factor: 0.22 }]);
    expect(sources('gate_up_bias')).toMatchObject([{ shape: [8192] }, { shape: [8192] }]);
    expect(sources('down_bias')).toMatchObject([{ shape: [2048], factor: 0.22 }]);
    expect(parse(qwen2).architecture.biases).toEqual(['qkv']);
    expect(parse(llama8b).architecture).not.toHaveProperty('biases');
  });

  it('have biases of mixers, with the factors of what these give and not of what they read', () => {
    const options = { mamba_proj_bias: true, projectors_bias: true, ssm_in_multiplier: 1.5, ssm_out_multiplier: 0.5 };
    const { architecture, tensors } = parse({ ...falcon05b, ...options, ssm_multipliers: [2, 3, 4, 5, 6] });
    expect(architecture.biases).toEqual(['mamba2_in', 'mamba2_out']);
    const factors = (name: string) =>
      tensors.find((tensor) => tensor.name === `blocks.0.mamba2.${name}`)!.sources.map(({ factor }) => factor);
    expect(factors('in_proj')).toEqual([3, 4.5, 6, 7.5, 9]);
    expect(factors('in_proj_bias')).toEqual([2, 3, 4, 5, 6]);
    expect(factors('out_proj_bias')).toEqual([0.5]);
    expect(parse({ ...falcon05b, projectors_bias: true }).architecture.biases).toEqual(['mamba2_out']);
    expect(parse({ ...mamba2, use_bias: true }).architecture.biases).toEqual(['mamba2_in', 'mamba2_out']);
  });

  it('norm before the gate where their configs say so', () => {
    const last = { ...falcon05b, mamba_rms_norm: true, mamba_norm_before_gate: true };
    expect(parse(last).architecture.mamba2).toMatchObject({ gateLast: true });
    expect(parse({ ...last, mamba_norm_before_gate: false }).architecture.mamba2).not.toHaveProperty('gateLast');
    // Without a norm there is no order.
    expect(parse({ ...last, mamba_rms_norm: false }).architecture.mamba2).not.toHaveProperty('gateLast');
  });

  it('have experts of squared ReLU beside an MLP, as Nemotron 3 does', () => {
    const nano = {
      ...nemotron8b,
      num_hidden_layers: 5,
      hybrid_override_pattern: 'MEM*E',
      n_routed_experts: 128,
      num_experts_per_tok: 6,
      moe_intermediate_size: 1856,
      moe_shared_expert_intermediate_size: 3712,
      routed_scaling_factor: 2.5,
    };
    const { architecture, tensors } = parse(nano);
    expect(architecture.blocks[1]).toEqual([['moe', 'relu2']]);
    expect(architecture).toMatchObject({
      intermediateSize: 3712,
      moe: { experts: 128, topK: 6, intermediateSize: 1856, ungated: true, routing: { biased: true, sumEps: 1e-20 } },
    });
    const found = (name: string) => tensors.find((tensor) => tensor.name === `blocks.1.${name}`);
    expect(found('moe.up')?.shape).toEqual([128 * 1856, 4096]);
    expect(found('moe.bias')?.sources[0]?.name).toBe('backbone.layers.1.mixer.gate.e_score_correction_bias');
    expect(found('up')?.sources[0]?.name).toBe('backbone.layers.1.mixer.shared_experts.up_proj.weight');
    // A width of its own beside MLPs that stand alone, and a narrower stream.
    const other = parse({ ...nano, hybrid_override_pattern: 'ME-*E', moe_latent_size: 1024 });
    expect(other.architecture).toMatchObject({
      intermediateSize: 21_504,
      moe: { besideSize: 3712, latentSize: 1024 },
    });
    const latent = (name: string) => other.tensors.find((tensor) => tensor.name === `blocks.1.moe.${name}`)?.shape;
    expect(latent('latent_in')).toEqual([1024, 4096]);
    expect(latent('latent_out')).toEqual([4096, 1024]);
    expect(latent('down')).toEqual([128 * 1024, 1856]);
    expect(() => parse({ ...nano, n_group: 7 })).toThrow('groups do not fit');
    expect(() => parse({ ...nano, n_routed_experts: null })).toThrow('n_routed_experts');
  });

  it('take q, k and v from one matrix, as Phi-3 stores them, and positions by its lists', () => {
    const { tensors } = parse(phi3);
    expect(tensors.find(({ name }) => name === 'blocks.0.attention.qkv')?.sources).toMatchObject([
      { name: 'model.layers.0.self_attn.qkv_proj.weight', shape: [9216, 3072] },
    ]);
    const factors = Array.from({ length: 48 }, (_, i) => 1 + i);
    const rope_scaling = { type: 'longrope', short_factor: factors, long_factor: factors };
    const long = parse({ ...phi3, max_position_embeddings: 131_072, rope_scaling }).architecture;
    expect(long.maxPositions).toBe(131_072);
    expect(long.attention!.rope!.attentionFactor).toBe(Math.sqrt(1 + Math.log(32) / Math.log(4096)));
    expect(attentionOf({ ...phi3, partial_rotary_factor: 0.75 }).rope!.dims).toBe(72);
  });
});

describe('variants', () => {
  it.each<[string, Config, Config]>([
    ['hidden_act "relu"; only "silu", "swish", "gelu"', llama8b, { hidden_act: 'relu' }],
    ['use_bidirectional_attention true; only false', gemma270m, { use_bidirectional_attention: true }],
    ['hidden_activation "quick_gelu"', gemma270m, { hidden_activation: 'quick_gelu' }],
    ['RoPE type "cubic"', llama8b, { rope_scaling: { rope_type: 'cubic' } }],
    ['conv_kernel 3; only 4', mamba2, { conv_kernel: 3 }],
    ['position_embedding_type "alibi"; only "rope"', granite1b, { position_embedding_type: 'alibi' }],
    ['mamba_proj_bias true; only false', nemotron8b, { mamba_proj_bias: true }],
    ['attention_bias true; only false', nemotron8b, { attention_bias: true }],
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
    [
      'sliding_window',
      qwen2,
      { use_sliding_window: true, sliding_window: null, layer_types: Array(24).fill('sliding_attention') },
    ],
    ['layer_types', qwen2, { layer_types: ['full_attention'] }],
    ['layer_types', gemma2b, { layer_types: Array(26).fill('mamba') }],
    ['no_rope_layers', smollm3, { no_rope_layers: [1, 0] }],
    ['no_rope_layers', smollm3, { no_rope_layers: Array(36).fill('yes') }],
    ['clip_qkv', olmo, { clip_qkv: -1 }],
    ['query_pre_attn_scalar', gemma2b, { query_pre_attn_scalar: 0 }],
    ['final_logit_softcapping', gemma2b, { final_logit_softcapping: '30' }],
    ['num_experts_per_tok', graniteMoe, { num_experts_per_tok: 33 }],
    ['residual_multiplier', granite2b, { residual_multiplier: 0 }],
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
