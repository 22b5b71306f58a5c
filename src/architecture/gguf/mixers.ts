import type { GgufFacts } from './facts.ts';
import type { GgufNames, NameRule } from './names.ts';

// Recurrences in GGUF files. All of them store A where checkpoints have A_log = log(-A).

/** The names in models that have a recurrence and a norm in each block. */
export const BACKBONE: Pick<GgufNames, 'model' | 'layers'> = {
  model: {
    'token_embd.weight': 'backbone.embeddings.weight',
    'output_norm.weight': 'backbone.norm_f.weight',
    'output.weight': 'lm_head.weight',
  },
  layers: 'backbone.layers',
};

/** A Mamba-2 mixer, as the checkpoint's module of this name. */
export function mixerNames(module: string): Record<string, NameRule> {
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

/** A Mamba-1 mixer, as the checkpoint's module of this name. */
export function mixer1Names(module: string): Record<string, string | NameRule> {
  return {
    ssm_in: `${module}.in_proj`,
    ssm_conv1d: { to: `${module}.conv1d`, shape: 'conv' },
    ssm_x: `${module}.x_proj`,
    ssm_dt: `${module}.dt_proj`,
    ssm_dt_norm: `${module}.dt_layernorm`,
    ssm_b_norm: `${module}.b_layernorm`,
    ssm_c_norm: `${module}.c_layernorm`,
    ssm_a: { to: `${module}.A_log`, map: 'log_negate' },
    ssm_d: `${module}.D`,
    ssm_out: `${module}.out_proj`,
  };
}

/** Experts apart, in the checkpoint's module of this name; `names` are those of an expert's matrices. */
export function expertNames(module: string, names: { gate: string; up: string; down: string }): Record<string, string> {
  return {
    ffn_gate_exps: `${module}.experts.*.${names.gate}`,
    ffn_up_exps: `${module}.experts.*.${names.up}`,
    ffn_down_exps: `${module}.experts.*.${names.down}`,
  };
}

/** Matrices of an expert, as most checkpoints call them. */
export const EXPERT_PARTS = { gate: 'gate_proj', up: 'up_proj', down: 'down_proj' };

/** Mamba-2 mixers, under the names that the family has for their sizes. */
export function mamba2Sizes({ metadata }: GgufFacts) {
  const inner = metadata.count('.ssm.inner_size');
  const heads = metadata.count('.ssm.time_step_rank');
  return {
    inner,
    heads,
    headDim: inner / heads,
    stateSize: metadata.count('.ssm.state_size'),
    groups: metadata.count('.ssm.group_count', 1),
    convWidth: metadata.count('.ssm.conv_kernel'),
    expand: inner / metadata.count('.embedding_length'),
  };
}

/** Under the names that Bamba, Granite 4.0-H and Falcon-H1 share. */
export function mambaFields(facts: GgufFacts): Record<string, unknown> {
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
