import { DENSE_CONFIGS } from './dense-configs.ts';

// Configurations of small models, of every family. A small model of Bamba is in the tree besides.

const GRANITE_MOE = {
  model_type: 'granitemoehybrid',
  vocab_size: 96,
  hidden_size: 64,
  num_hidden_layers: 2,
  layer_types: ['mamba', 'attention'],
  mamba_n_heads: 4,
  mamba_d_head: 32,
  mamba_d_state: 16,
  mamba_expand: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  shared_intermediate_size: 68,
  intermediate_size: 36,
  num_local_experts: 9,
  num_experts_per_tok: 4,
  attention_multiplier: 0.125,
  embedding_multiplier: 3,
  residual_multiplier: 0.5,
  logits_scaling: 2,
  tie_word_embeddings: true,
};

const FALCON_MAMBA = {
  model_type: 'falcon_mamba',
  vocab_size: 96,
  hidden_size: 60,
  num_hidden_layers: 2,
  intermediate_size: 124,
  state_size: 16,
  time_step_rank: 'auto',
};

const MAMBA = {
  model_type: 'mamba',
  vocab_size: 96,
  hidden_size: 44,
  num_hidden_layers: 2,
  intermediate_size: 92,
  state_size: 8,
  time_step_rank: 6,
  tie_word_embeddings: true,
  use_bias: true,
};

const JAMBA = {
  model_type: 'jamba',
  vocab_size: 96,
  hidden_size: 48,
  num_hidden_layers: 3,
  attn_layer_period: 3,
  attn_layer_offset: 1,
  expert_layer_period: 2,
  expert_layer_offset: 1,
  num_experts: 5,
  num_experts_per_tok: 2,
  intermediate_size: 52,
  mamba_d_state: 12,
  mamba_dt_rank: 3,
  num_attention_heads: 4,
  num_key_value_heads: 2,
};

/** Two hybrid blocks with one transformer; heads of 40 channels. */
const ZAMBA = {
  model_type: 'zamba',
  vocab_size: 96,
  hidden_size: 40,
  num_hidden_layers: 4,
  layers_block_type: ['mamba', 'hybrid', 'mamba', 'hybrid'],
  intermediate_size: 52,
  n_mamba_heads: 2,
  mamba_d_state: 16,
  mamba_dt_rank: 6,
  num_attention_heads: 2,
  num_key_value_heads: 2,
};

const LFM2 = {
  model_type: 'lfm2',
  vocab_size: 96,
  hidden_size: 48,
  num_hidden_layers: 3,
  layer_types: ['conv', 'full_attention', 'conv'],
  block_auto_adjust_ff_dim: false,
  intermediate_size: 52,
  conv_L_cache: 3,
  conv_bias: true,
  num_attention_heads: 4,
  num_key_value_heads: 2,
};

const LFM2_MOE = {
  model_type: 'lfm2_moe',
  vocab_size: 96,
  hidden_size: 48,
  num_hidden_layers: 3,
  layer_types: ['conv', 'full_attention', 'conv'],
  intermediate_size: 52,
  moe_intermediate_size: 20,
  num_dense_layers: 1,
  num_experts: 6,
  num_experts_per_tok: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
};

/** Value heads share keys; a chunk is shorter than the prompt. */
const QWEN = {
  vocab_size: 96,
  hidden_size: 48,
  num_hidden_layers: 2,
  layer_types: ['linear_attention', 'full_attention'],
  linear_num_key_heads: 2,
  linear_num_value_heads: 4,
  linear_key_head_dim: 12,
  linear_value_head_dim: 16,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  head_dim: 16,
};
const QWEN_MOE = {
  ...QWEN,
  num_experts: 5,
  num_experts_per_tok: 2,
  moe_intermediate_size: 20,
  shared_expert_intermediate_size: 28,
};

const OLMO_HYBRID = {
  model_type: 'olmo_hybrid',
  vocab_size: 96,
  hidden_size: 48,
  intermediate_size: 52,
  num_hidden_layers: 2,
  layer_types: ['linear_attention', 'full_attention'],
  linear_key_head_dim: 12,
  linear_value_head_dim: 24,
  num_attention_heads: 3,
};

const RECURRENT_GEMMA = {
  model_type: 'recurrent_gemma',
  vocab_size: 96,
  hidden_size: 48,
  intermediate_size: 104,
  num_hidden_layers: 3,
  lru_width: 56,
  num_attention_heads: 2,
  num_key_value_heads: 1,
  attention_window_size: 11,
  logits_soft_cap: 9,
};

/** Three blocks that take two sets of shared weights in turn, the first of all among them. */
const ZAMBA2 = {
  model_type: 'zamba2',
  vocab_size: 96,
  hidden_size: 40,
  num_hidden_layers: 4,
  layers_block_type: ['hybrid', 'hybrid', 'mamba', 'hybrid'],
  num_mem_blocks: 2,
  adapter_rank: 12,
  intermediate_size: 52,
  n_mamba_heads: 4,
  mamba_headdim: 20,
  mamba_d_state: 16,
  mamba_ngroups: 2,
  mamba_expand: 2,
  num_attention_heads: 2,
  use_mem_rope: true,
};

/** Sizes that small models share. */
export const common = { vocab_size: 40, hidden_size: 32, intermediate_size: 48 };
export const attention = { num_attention_heads: 4, num_key_value_heads: 2, head_dim: 16 };
export const mamba = { mamba_n_heads: 4, mamba_d_head: 16, mamba_d_state: 16 };
const falcon = {
  ...common,
  ...attention,
  ...mamba,
  model_type: 'falcon_h1',
  num_hidden_layers: 2,
  mamba_d_ssm: 64,
  mamba_n_groups: 2,
  rope_theta: 1e11,
  embedding_multiplier: 5.65,
  lm_head_multiplier: 0.2,
  key_multiplier: 0.4,
  attention_in_multiplier: 1.5,
  attention_out_multiplier: 0.9,
  ssm_in_multiplier: 1.25,
  ssm_out_multiplier: 0.5,
  ssm_multipliers: [0.35, 0.25, 0.45, 0.5, 0.75],
  mlp_multipliers: [0.88, 0.58],
};

/** By the family and what is particular about each. */
export const FAMILY_CONFIGS: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  'granitemoehybrid: a mixture of experts beside an MLP': GRANITE_MOE,
  'falcon_mamba: another scan': FALCON_MAMBA,
  'mamba: no norms inside, a rank that is no multiple of four': MAMBA,
  'lfm2: short convolutions with biases, norms of q and k': LFM2,
  'lfm2_moe: experts by sigmoids with a bias': LFM2_MOE,
  'qwen3_5_text: gated delta mixers, attention with a gate': {
    ...QWEN,
    model_type: 'qwen3_5_text',
    intermediate_size: 52,
  },
  'qwen3_5: the text of a model with eyes': {
    model_type: 'qwen3_5',
    text_config: { ...QWEN, model_type: 'qwen3_5_text', intermediate_size: 52, tie_word_embeddings: true },
  },
  'qwen3_5_moe_text: experts beside an MLP with a gate': { ...QWEN_MOE, model_type: 'qwen3_5_moe_text' },
  'qwen3_next: rows by key head, shares of all experts': {
    ...QWEN_MOE,
    model_type: 'qwen3_next',
    norm_topk_prob: false,
  },
  'olmo_hybrid: norms behind attention and before delta mixers': OLMO_HYBRID,
  'recurrent_gemma: recurrent blocks, a window, biases, a cap': RECURRENT_GEMMA,
  'jamba: norms with weights, experts in every other block': JAMBA,
  'zamba: heads with projections of their own, a shared transformer without adapters': ZAMBA,
  'zamba2: shared transformers': ZAMBA2,
  'llama: attention alone, wide heads, scaled positions, tied': {
    ...common,
    ...attention,
    model_type: 'llama',
    num_hidden_layers: 2,
    tie_word_embeddings: true,
    max_position_embeddings: 2048,
    rope_scaling: { rope_type: 'llama3', factor: 8, original_max_position_embeddings: 16 },
  },
  'mamba2: blocks without MLPs, two groups under one norm, no bias': {
    vocab_size: 40,
    hidden_size: 32,
    model_type: 'mamba2',
    num_hidden_layers: 3,
    num_heads: 4,
    head_dim: 16,
    state_size: 16,
    n_groups: 2,
    use_conv_bias: false,
  },
  'granitemoehybrid: factors everywhere': {
    ...common,
    ...attention,
    ...mamba,
    head_dim: undefined,
    model_type: 'granitemoehybrid',
    num_hidden_layers: 2,
    num_local_experts: 0,
    shared_intermediate_size: 24,
    layer_types: ['mamba', 'attention'],
    embedding_multiplier: 12,
    attention_multiplier: 0.0625,
    residual_multiplier: 0.25,
    logits_scaling: 6,
  },
  'nemotron_h: one sublayer a block, squared ReLU, a norm for each of two groups': {
    ...common,
    ...attention,
    model_type: 'nemotron_h',
    hybrid_override_pattern: 'M-*M-',
    mamba_num_heads: 4,
    mamba_head_dim: 8,
    ssm_state_size: 16,
    n_groups: 2,
  },
  'falcon_h1: mixers side by side, factors, a norm for each of two groups': {
    ...falcon,
    mamba_rms_norm: true,
    mamba_norm_before_gate: false,
  },
  'falcon_h1: a gate without a norm': { ...falcon, mamba_rms_norm: false },
  ...DENSE_CONFIGS,
};
