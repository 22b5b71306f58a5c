import { attentionBlocks, attentionFields, commonFields, type GgufModel, rmsEps } from './common.ts';
import type { GgufFacts } from './facts.ts';
import { expertNames } from './mixers.ts';
import type { GgufNames } from './names.ts';
import { ATTENTION_NAMES, MODEL_NAMES } from './transformers.ts';

// LFM2 in GGUF files: short convolutions and attention.

const PARTS = { gate: 'w1', up: 'w3', down: 'w2' };

const NAMES: GgufNames = {
  model: {
    ...MODEL_NAMES,
    // The name that some files have by mistake, and the right one.
    'token_embd_norm.weight': 'model.embedding_norm.weight',
    'output_norm.weight': 'model.embedding_norm.weight',
  },
  layers: 'model.layers',
  block: {
    attn_norm: 'operator_norm',
    ffn_norm: 'ffn_norm',
    ...ATTENTION_NAMES,
    attn_output: 'self_attn.out_proj',
    attn_q_norm: 'self_attn.q_layernorm',
    attn_k_norm: 'self_attn.k_layernorm',
    'shortconv.in_proj': 'conv.in_proj',
    'shortconv.conv': { to: 'conv.conv', shape: 'conv' },
    'shortconv.out_proj': 'conv.out_proj',
    ffn_gate: `feed_forward.${PARTS.gate}`,
    ffn_up: `feed_forward.${PARTS.up}`,
    ffn_down: `feed_forward.${PARTS.down}`,
  },
};

function fields(facts: GgufFacts): Record<string, unknown> {
  return {
    ...commonFields(facts),
    ...attentionFields(facts),
    intermediate_size: facts.metadata.count('.feed_forward_length'),
    layer_types: attentionBlocks(facts).map((is) => (is ? 'full_attention' : 'conv')),
    conv_L_cache: facts.metadata.count('.shortconv.l_cache'),
    norm_eps: rmsEps(facts),
  };
}

export function lfm2(facts: GgufFacts): GgufModel {
  return { config: { model_type: 'lfm2', ...fields(facts), block_auto_adjust_ff_dim: false }, names: NAMES };
}

export function lfm2Moe(facts: GgufFacts): GgufModel {
  const { metadata } = facts;
  const bias = 'exp_probs_b.bias';
  return {
    config: {
      model_type: 'lfm2_moe',
      ...fields(facts),
      moe_intermediate_size: metadata.count('.expert_feed_forward_length'),
      num_dense_layers: metadata.optionalCount('.leading_dense_block_count') ?? 0,
      num_experts: metadata.count('.expert_count'),
      num_experts_per_tok: metadata.count('.expert_used_count'),
      use_expert_bias: facts.hasInBlocks(bias),
      norm_topk_prob: metadata.flag('.expert_weights_norm', true),
      routed_scaling_factor: metadata.number('.expert_weights_scale', 1),
    },
    names: {
      ...NAMES,
      block: {
        ...NAMES.block,
        ffn_gate_inp: 'feed_forward.gate',
        [bias]: 'feed_forward.expert_bias',
        ...expertNames('feed_forward', PARTS),
      },
    },
  };
}
