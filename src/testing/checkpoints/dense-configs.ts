// Configurations of small transformers, of every family whose blocks are attention and an MLP.

const sizes = { vocab_size: 40, hidden_size: 32, intermediate_size: 48, num_hidden_layers: 2 };
const heads = { num_attention_heads: 4, num_key_value_heads: 2, head_dim: 16 };
const dense = { ...sizes, ...heads };

/** By the family and what is particular about each. */
export const DENSE_CONFIGS: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  'gemma3_text: norms around branches, windows that turn apart, GELU': {
    ...dense,
    model_type: 'gemma3_text',
    num_hidden_layers: 3,
    layer_types: ['sliding_attention', 'full_attention', 'sliding_attention'],
    sliding_window: 8,
    query_pre_attn_scalar: 12,
    hidden_activation: 'gelu',
  },
  'gemma2: norms around branches, capped scores and logits': {
    ...dense,
    model_type: 'gemma2',
    sliding_window: 8,
    query_pre_attn_scalar: 16,
    attn_logit_softcapping: 2,
    final_logit_softcapping: 3,
    attention_bias: true,
  },
  'olmo2: norms behind branches, and of whole widths': { ...dense, model_type: 'olmo2', num_key_value_heads: 4 },
  'olmo: LayerNorms, clipped': { ...dense, model_type: 'olmo', clip_qkv: 0.5, num_hidden_layers: 3 },
  'llama: biases everywhere, other heads than the width': {
    ...dense,
    model_type: 'llama',
    attention_bias: true,
    mlp_bias: true,
    hidden_act: 'gelu_pytorch_tanh',
  },
  'bamba: biases everywhere': {
    ...dense,
    head_dim: undefined,
    model_type: 'bamba',
    attn_layer_indices: [1],
    mamba_n_heads: 4,
    mamba_d_head: 16,
    mamba_d_state: 16,
    attention_bias: true,
    mlp_bias: true,
    mamba_proj_bias: true,
  },
  'mistral: windows': { ...dense, model_type: 'mistral', sliding_window: 8 },
  'granite: factors and biases': {
    ...dense,
    head_dim: undefined,
    model_type: 'granite',
    embedding_multiplier: 3,
    attention_multiplier: 0.2,
    residual_multiplier: 0.4,
    logits_scaling: 2,
    attention_bias: true,
    mlp_bias: true,
  },
  'granitemoe: experts alone': {
    ...dense,
    head_dim: undefined,
    model_type: 'granitemoe',
    intermediate_size: 20,
    num_local_experts: 5,
    num_experts_per_tok: 2,
    residual_multiplier: 0.4,
  },
  'qwen2: biases of q, k and v, a window above': {
    ...dense,
    head_dim: undefined,
    model_type: 'qwen2',
    use_sliding_window: true,
    sliding_window: 8,
    max_window_layers: 1,
  },
  'qwen3: norms of each head': { ...dense, model_type: 'qwen3' },
  'phi3: matrices joined, half of each head turned': {
    ...dense,
    head_dim: undefined,
    model_type: 'phi3',
    partial_rotary_factor: 0.5,
  },
  'smollm3: a block without positions': { ...dense, model_type: 'smollm3', no_rope_layers: [1, 0] },
};
