import { attentionFields, commonFields, mamba2Sizes, type GgufModel } from './common.ts';
import type { GgufFacts } from './facts.ts';
import type { GgufNames, NameRule } from './names.ts';
import { MODEL_NAMES, neighbours } from './transformers.ts';

// Recurrences and hybrids in GGUF files. All of them store A where checkpoints have A_log = log(-A).

/** A Mamba-2 mixer, as the checkpoint's module of this name. */
function mixerNames(module: string): Record<string, NameRule> {
  return {
    ssm_in: { to: `${module}.in_proj` },
    ssm_conv1d: { to: `${module}.conv1d`, shape: 'conv' },
    'ssm_dt.bias': { to: `${module}.dt_bias` },
    ssm_a: { to: `${module}.A_log`, shape: 'flat', map: 'log_negate' },
    ssm_d: { to: `${module}.D`, shape: 'flat' },
    ssm_norm: { to: `${module}.norm`, shape: 'flat' },
    ssm_out: { to: `${module}.out_proj` },
  };
}

/** Of models that are a recurrence and a norm in each block. */
const BACKBONE: Pick<GgufNames, 'model' | 'layers'> = {
  model: {
    'token_embd.weight': 'backbone.embeddings.weight',
    'output_norm.weight': 'backbone.norm_f.weight',
    'output.weight': 'lm_head.weight',
  },
  layers: 'backbone.layers',
};

/** Under the names that Bamba, Granite 4.0-H and Falcon-H1 share. */
function mambaFields(facts: GgufFacts): Record<string, unknown> {
  const { heads, headDim, stateSize, groups, convWidth, expand } = mamba2Sizes(facts);
  return {
    mamba_n_heads: heads,
    mamba_d_head: headDim,
    mamba_d_state: stateSize,
    mamba_n_groups: groups,
    mamba_d_conv: convWidth,
    mamba_expand: expand,
    mamba_conv_bias: facts.hasInBlocks('ssm_conv1d.bias'),
  };
}

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
      layer_norm_epsilon: facts.metadata.number('.attention.layer_norm_rms_epsilon'),
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
      layer_norm_epsilon: metadata.number('.attention.layer_norm_rms_epsilon'),
    },
    names: {
      ...BACKBONE,
      block: {
        attn_norm: 'norm',
        ssm_in: 'mixer.in_proj',
        ssm_conv1d: { to: 'mixer.conv1d', shape: 'conv' },
        ssm_x: 'mixer.x_proj',
        ssm_dt: 'mixer.dt_proj',
        ssm_a: { to: 'mixer.A_log', map: 'log_negate' },
        ssm_d: 'mixer.D',
        ssm_out: 'mixer.out_proj',
      },
    },
  };
}

/** Granite 4.0-H; without its constant factors it is Bamba. */
export function graniteHybrid(facts: GgufFacts): GgufModel {
  const { metadata, blocks } = facts;
  const isAttention = metadata.perBlock('.attention.head_count_kv', blocks).map((heads) => heads > 0);
  const common = {
    ...commonFields(facts),
    ...(isAttention.includes(true) ? attentionFields(facts) : {}),
    ...(isAttention.includes(false) ? mambaFields(facts) : {}),
    layer_types: isAttention.map((is) => (is ? 'attention' : 'mamba')),
    max_position_embeddings: metadata.count('.context_length'),
    rms_norm_eps: metadata.number('.attention.layer_norm_rms_epsilon'),
  };
  const block = { attn_norm: 'input_layernorm', ...neighbours(facts, 'self_attn'), ...mixerNames('mamba') };
  const attention = { attn_v: 'self_attn.v_proj', attn_output: 'self_attn.o_proj' };
  if (!metadata.has('.embedding_scale')) {
    return {
      config: { model_type: 'bamba', ...common, intermediate_size: facts.columnsInBlocks('ffn_down.weight') },
      names: {
        model: { ...MODEL_NAMES, 'output_norm.weight': 'model.final_layernorm.weight' },
        layers: 'model.layers',
        block: {
          ...block,
          ...attention,
          ffn_norm: 'pre_ff_layernorm',
          ffn_gate: 'feed_forward.gate_proj',
          ffn_up: 'feed_forward.up_proj',
          ffn_down: 'feed_forward.down_proj',
        },
      },
    };
  }
  const experts = metadata.optionalCount('.expert_count') ?? 0;
  const shared = experts > 0 ? '_shexp' : '';
  return {
    config: {
      model_type: 'granitemoehybrid',
      ...common,
      position_embedding_type: metadata.flag('.rope.scaling.finetuned', false) ? 'rope' : 'nope',
      num_local_experts: experts,
      ...(experts > 0 && {
        num_experts_per_tok: metadata.count('.expert_used_count'),
        intermediate_size: facts.columnsInBlocks('ffn_down_exps.weight'),
      }),
      shared_intermediate_size: facts.columnsInBlocks(`ffn_down${shared}.weight`),
      embedding_multiplier: metadata.number('.embedding_scale'),
      residual_multiplier: metadata.number('.residual_scale', 1),
      attention_multiplier: metadata.number('.attention.scale'),
      logits_scaling: metadata.number('.logit_scale', 1),
    },
    names: {
      model: MODEL_NAMES,
      layers: 'model.layers',
      block: {
        ...block,
        ...attention,
        ffn_norm: 'post_attention_layernorm',
        [`ffn_down${shared}`]: 'shared_mlp.output_linear',
        ffn_gate_inp: 'block_sparse_moe.router.layer',
        ffn_down_exps: 'block_sparse_moe.output_linear',
      },
      joined: [
        { gate: `ffn_gate${shared}.weight`, up: `ffn_up${shared}.weight`, to: 'shared_mlp.input_linear.weight' },
        { gate: 'ffn_gate_exps.weight', up: 'ffn_up_exps.weight', to: 'block_sparse_moe.input_linear.weight' },
      ],
    },
  };
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
      rms_norm_eps: facts.metadata.number('.attention.layer_norm_rms_epsilon'),
    },
    names: {
      model: { ...MODEL_NAMES, 'output_norm.weight': 'model.final_layernorm.weight' },
      layers: 'model.layers',
      block: {
        attn_norm: 'input_layernorm',
        ffn_norm: 'pre_ff_layernorm',
        ...mixerNames('mamba'),
        attn_q: 'self_attn.q_proj',
        attn_k: 'self_attn.k_proj',
        attn_v: 'self_attn.v_proj',
        attn_output: 'self_attn.o_proj',
        ffn_gate: 'feed_forward.gate_proj',
        ffn_up: 'feed_forward.up_proj',
        ffn_down: 'feed_forward.down_proj',
      },
    },
  };
}

export function nemotronH(facts: GgufFacts): GgufModel {
  const { metadata, blocks } = facts;
  const { heads, headDim, stateSize, groups, convWidth } = mamba2Sizes(facts);
  const kvHeads = metadata.perBlock('.attention.head_count_kv', blocks);
  const widths = metadata.perBlock('.feed_forward_length', blocks);
  const kinds = kvHeads.map((kv, block) => (kv > 0 ? 'attention' : (widths[block] ?? 0) > 0 ? 'mlp' : 'mamba'));
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
      layer_norm_epsilon: metadata.number('.attention.layer_norm_rms_epsilon'),
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
