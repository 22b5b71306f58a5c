import { attentionFields, commonFields, headDim, type GgufModel } from './common.ts';
import type { GgufFacts } from './facts.ts';
import type { NameRule } from './names.ts';

// Transformers in GGUF files.

/** Names that all of them have. */
export const MODEL_NAMES = {
  'token_embd.weight': 'model.embed_tokens.weight',
  'output_norm.weight': 'model.norm.weight',
  'output.weight': 'lm_head.weight',
};

/** Projections of attention and of a gated MLP. */
const PROJECTIONS = {
  attn_v: 'self_attn.v_proj',
  attn_output: 'self_attn.o_proj',
  ffn_gate: 'mlp.gate_proj',
  ffn_up: 'mlp.up_proj',
  ffn_down: 'mlp.down_proj',
};

/** Rows of q and k of those architectures that turn neighbours with each other, and not halves of a head. */
export function neighbours(facts: GgufFacts, module: string): Record<string, NameRule> {
  const width = headDim(facts);
  const rotary = { headDim: width, dims: width };
  return {
    attn_q: { to: `${module}.q_proj`, rotary },
    attn_k: { to: `${module}.k_proj`, rotary },
  };
}

/** Llama, and Mistral, whose files call themselves so. */
export function llama(facts: GgufFacts): GgufModel {
  const { metadata } = facts;
  const experts = metadata.optionalCount('.expert_count');
  if (experts !== undefined)
    throw metadata.invalid('.expert_count', 'has to be 0: mixtures of experts are not supported');
  return {
    config: {
      model_type: 'llama',
      ...commonFields(facts),
      ...attentionFields(facts),
      intermediate_size: metadata.count('.feed_forward_length'),
      rms_norm_eps: metadata.number('.attention.layer_norm_rms_epsilon'),
      partial_rotary_factor: metadata.count('.rope.dimension_count', headDim(facts)) / headDim(facts),
    },
    names: {
      model: MODEL_NAMES,
      layers: 'model.layers',
      block: {
        attn_norm: 'input_layernorm',
        ffn_norm: 'post_attention_layernorm',
        ...neighbours(facts, 'self_attn'),
        ...PROJECTIONS,
      },
    },
  };
}

/** Every so manieth block of Gemma 3 sees the whole context, the others a window. */
const GEMMA3_PERIOD = 6;
const GEMMA3_LOCAL_BASE = 10_000;

export function gemma3(facts: GgufFacts): GgufModel {
  const { metadata, blocks } = facts;
  const period = metadata.count('.attention.sliding_window_pattern', GEMMA3_PERIOD);
  const isFull = (block: number) => (block + 1) % period === 0;
  const norm = (to: string): NameRule => ({ to, map: 'minus_one' });
  return {
    config: {
      model_type: 'gemma3_text',
      ...commonFields(facts),
      ...attentionFields(facts),
      intermediate_size: metadata.count('.feed_forward_length'),
      rms_norm_eps: metadata.number('.attention.layer_norm_rms_epsilon'),
      hidden_activation: 'gelu_pytorch_tanh',
      query_pre_attn_scalar: headDim(facts),
      rope_local_base_freq: metadata.number('.rope.freq_base_swa', GEMMA3_LOCAL_BASE),
      sliding_window: metadata.count('.attention.sliding_window'),
      layer_types: Array.from({ length: blocks }, (_, block) =>
        isFull(block) ? 'full_attention' : 'sliding_attention',
      ),
    },
    names: {
      model: { ...MODEL_NAMES, 'output_norm.weight': 'model.norm.weight' },
      layers: 'model.layers',
      block: {
        attn_norm: norm('input_layernorm'),
        post_attention_norm: norm('post_attention_layernorm'),
        ffn_norm: norm('pre_feedforward_layernorm'),
        post_ffw_norm: norm('post_feedforward_layernorm'),
        attn_q_norm: norm('self_attn.q_norm'),
        attn_k_norm: norm('self_attn.k_norm'),
        attn_q: 'self_attn.q_proj',
        attn_k: 'self_attn.k_proj',
        ...PROJECTIONS,
      },
    },
  };
}
