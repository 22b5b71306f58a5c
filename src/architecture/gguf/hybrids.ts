import { attentionBlocks, attentionFields, commonFields, type GgufModel, rmsEps } from './common.ts';
import type { GgufFacts } from './facts.ts';
import { BACKBONE, EXPERT_PARTS, expertNames, mamba2Sizes, mambaFields, mixer1Names, mixerNames } from './mixers.ts';
import { ATTENTION_NAMES, mlpNames, MODEL_NAMES } from './transformers.ts';

// Models with Mamba in GGUF files, but for Granite and Bamba.

export function mamba2(facts: GgufFacts): GgufModel {
  const { heads, headDim, stateSize, groups, convWidth, expand } = mamba2Sizes(facts);
  return {
    config: {
      model_type: 'mamba2',
      ...commonFields(facts),
      num_heads: heads,
      head_dim: headDim,
      state_size: stateSize,
      n_groups: groups,
      conv_kernel: convWidth,
      expand,
      use_conv_bias: facts.hasInBlocks('ssm_conv1d.bias'),
      layer_norm_epsilon: rmsEps(facts),
    },
    names: { ...BACKBONE, block: { attn_norm: 'norm', ...mixerNames('mixer') } },
  };
}

/** Mamba-1; with norms of dt, B and C it is Falcon-Mamba. */
export function mamba1(facts: GgufFacts): GgufModel {
  const { metadata } = facts;
  const inner = metadata.count('.ssm.inner_size');
  return {
    config: {
      model_type: metadata.flag('.ssm.dt_b_c_rms', false) ? 'falcon_mamba' : 'mamba',
      ...commonFields(facts),
      intermediate_size: inner,
      expand: inner / metadata.count('.embedding_length'),
      state_size: metadata.count('.ssm.state_size'),
      time_step_rank: metadata.count('.ssm.time_step_rank'),
      conv_kernel: metadata.count('.ssm.conv_kernel'),
      use_conv_bias: facts.hasInBlocks('ssm_conv1d.bias'),
      layer_norm_epsilon: rmsEps(facts),
    },
    names: {
      ...BACKBONE,
      block: { attn_norm: 'norm', ...mixer1Names('mixer') },
    },
  };
}

/** Jamba, with a mixture of experts in some blocks or in none. */
export function jamba(facts: GgufFacts): GgufModel {
  const { metadata } = facts;
  const inner = metadata.count('.ssm.inner_size');
  const experts = 'ffn_gate_inp.weight';
  return {
    config: {
      model_type: 'jamba',
      ...commonFields(facts),
      ...attentionFields(facts),
      ...everySoMany('attn_layer', attentionBlocks(facts), () =>
        metadata.invalid('.attention.head_count_kv', 'has to be 0 for all blocks but every so manieth'),
      ),
      ...everySoMany('expert_layer', facts.blocksWith(experts), () =>
        metadata.invalid('.expert_count', 'is of experts that are not in every so manieth block'),
      ),
      num_experts: facts.hasInBlocks(experts) ? metadata.count('.expert_count') : 1,
      num_experts_per_tok: metadata.count('.expert_used_count', 1),
      intermediate_size: metadata.count('.feed_forward_length'),
      mamba_expand: inner / metadata.count('.embedding_length'),
      mamba_d_state: metadata.count('.ssm.state_size'),
      mamba_dt_rank: metadata.count('.ssm.time_step_rank'),
      mamba_d_conv: metadata.count('.ssm.conv_kernel'),
      mamba_conv_bias: facts.hasInBlocks('ssm_conv1d.bias'),
      rms_norm_eps: rmsEps(facts),
    },
    names: {
      model: { ...MODEL_NAMES, 'output_norm.weight': 'model.final_layernorm.weight' },
      layers: 'model.layers',
      block: {
        attn_norm: 'input_layernorm',
        ffn_norm: 'pre_ff_layernorm',
        ...mixer1Names('mamba'),
        ...ATTENTION_NAMES,
        ...mlpNames('feed_forward'),
        ffn_gate_inp: 'feed_forward.router',
        ...expertNames('feed_forward', EXPERT_PARTS),
      },
    },
  };
}

/**
 * Blocks as a config names them: those that come every `period` from `offset` on.
 * @throws what `invalid` gives, where they do not come so.
 */
function everySoMany(what: string, flags: readonly boolean[], invalid: () => Error): Record<string, number> {
  const offset = flags.includes(true) ? flags.indexOf(true) : flags.length;
  const second = flags.indexOf(true, offset + 1);
  const period = second < 0 ? Math.max(flags.length, offset + 1) : second - offset;
  // A config counts from 0 on, so that the first has to be one of the first period.
  if (offset >= period || !flags.every((flag, block) => flag === (block % period === offset))) throw invalid();
  return { [`${what}_period`]: period, [`${what}_offset`]: offset };
}

/** Its constant factors are in the weights of such a file. */
export function falconH1(facts: GgufFacts): GgufModel {
  const hasNorm = facts.hasInBlocks('ssm_norm.weight');
  return {
    config: {
      model_type: 'falcon_h1',
      ...commonFields(facts),
      ...attentionFields(facts),
      ...mambaFields(facts),
      mamba_d_ssm: mamba2Sizes(facts).inner,
      mamba_rms_norm: hasNorm,
      mamba_norm_before_gate: false,
      intermediate_size: facts.metadata.count('.feed_forward_length'),
      rms_norm_eps: rmsEps(facts),
    },
    names: {
      model: { ...MODEL_NAMES, 'output_norm.weight': 'model.final_layernorm.weight' },
      layers: 'model.layers',
      block: {
        attn_norm: 'input_layernorm',
        ffn_norm: 'pre_ff_layernorm',
        ...mixerNames('mamba'),
        ...ATTENTION_NAMES,
        ...mlpNames('feed_forward'),
      },
    },
  };
}

/** A block with neither attention nor an MLP is a recurrence; one with a router is a mixture of experts. */
export function nemotronH(facts: GgufFacts): GgufModel {
  const { heads, headDim, stateSize, groups, convWidth } = mamba2Sizes(facts);
  const kvHeads = facts.perBlock('.attention.head_count_kv');
  const mixtures = facts.blocksWith('ffn_gate_inp.weight');
  const widths = facts.perBlock('.feed_forward_length').map((width, block) => (mixtures[block] ? 0 : width));
  const kinds = kvHeads.map((kv, block) => {
    if (kv > 0) return 'attention';
    if (mixtures[block]) return 'moe';
    return (widths[block] ?? 0) > 0 ? 'mlp' : 'mamba';
  });
  return {
    config: {
      model_type: 'nemotron_h',
      ...commonFields(facts),
      ...attentionFields(facts),
      layers_block_type: kinds,
      mamba_num_heads: heads,
      mamba_head_dim: headDim,
      ssm_state_size: stateSize,
      n_groups: groups,
      conv_kernel: convWidth,
      use_conv_bias: facts.hasInBlocks('ssm_conv1d.bias'),
      intermediate_size: widths.reduce((most, width) => Math.max(most, width), 0) || null,
      layer_norm_epsilon: rmsEps(facts),
    },
    names: {
      ...BACKBONE,
      block: {
        attn_norm: 'norm',
        ...mixerNames('mixer'),
        attn_q: 'mixer.q_proj',
        attn_k: 'mixer.k_proj',
        attn_v: 'mixer.v_proj',
        attn_output: 'mixer.o_proj',
        ffn_up: 'mixer.up_proj',
        ffn_down: 'mixer.down_proj',
      },
    },
  };
}

/** The same with experts, an MLP beside them, and in some models a narrower stream that experts work on. */
export function nemotronHMoe(facts: GgufFacts): GgufModel {
  const { metadata } = facts;
  const { config, names } = nemotronH(facts);
  return {
    config: {
      ...config,
      n_routed_experts: metadata.count('.expert_count'),
      num_experts_per_tok: metadata.count('.expert_used_count'),
      moe_intermediate_size: metadata.count('.expert_feed_forward_length'),
      moe_shared_expert_intermediate_size: metadata.count('.expert_shared_feed_forward_length'),
      moe_latent_size: metadata.optionalCount('.moe_latent_size') ?? null,
      n_group: metadata.count('.expert_group_count', 1),
      topk_group: metadata.count('.expert_group_used_count', 1),
      norm_topk_prob: metadata.flag('.expert_weights_norm', true),
      routed_scaling_factor: metadata.number('.expert_weights_scale', 1),
    },
    names: {
      ...names,
      block: {
        ...names.block,
        ffn_gate_inp: 'mixer.gate',
        'exp_probs_b.bias': 'mixer.gate.e_score_correction_bias',
        ffn_up_shexp: 'mixer.shared_experts.up_proj',
        ffn_down_shexp: 'mixer.shared_experts.down_proj',
        ffn_latent_down: 'mixer.fc1_latent_proj',
        ffn_latent_up: 'mixer.fc2_latent_proj',
        ...expertNames('mixer', EXPERT_PARTS),
      },
    },
  };
}
