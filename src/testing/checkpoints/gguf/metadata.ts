import type { Branch } from '../../../architecture/architecture.ts';
import type { GgufEntry } from '../test-gguf.ts';
import { type Model, headDimOf } from './rules.ts';

// Metadata of GGUF files, in the groups that architectures have, without what each key begins with.

export type Keys = (model: Model) => Record<string, GgufEntry>;

const number = (value: number): GgufEntry => ({ u32: value });
const real = (value: unknown): GgufEntry => ({ f32: Number(value) });

/** Which blocks have a branch of this kind. */
function has({ architecture }: Model, kind: Branch): boolean[] {
  return architecture.blocks.map((block) => block.some((sublayer) => (sublayer as Branch[]).includes(kind)));
}

export const sizes: Keys = ({ architecture }) => ({
  block_count: number(architecture.blocks.length),
  context_length: number(architecture.maxPositions),
  embedding_length: number(architecture.hiddenSize),
  // Where all blocks have experts, the width of one.
  feed_forward_length: number(architecture.intermediateSize || (architecture.moe?.intermediateSize ?? 0)),
  [`attention.layer_norm_${architecture.norm === 'layer' ? '' : 'rms_'}epsilon`]: real(architecture.normEps),
});

export const attention: Keys = ({ config, architecture }) => {
  const { heads, kvHeads, rope } = architecture.attention!;
  return {
    'attention.head_count': number(heads),
    'attention.head_count_kv': number(kvHeads),
    ...(config['head_dim'] !== undefined && { 'attention.key_length': number(headDimOf(config)) }),
    ...(rope && { 'rope.freq_base': real(config['rope_theta'] ?? DEFAULT_BASES[architecture.family] ?? 10_000) }),
  };
};

/** Where a config says nothing. */
const DEFAULT_BASES: Readonly<Record<string, number>> = {
  gemma3_text: 1_000_000,
  lfm2: 1_000_000,
  lfm2_moe: 1_000_000,
  smollm3: 2_000_000,
};

/** Attention in some blocks. */
export const attentionOfSome: Keys = (model) => {
  if (!model.architecture.attention) return {};
  const kv = has(model, 'attention').map((is) => (is ? model.architecture.attention!.kvHeads : 0));
  return { ...attention(model), 'attention.head_count_kv': { i32s: kv } };
};

/** How many dimensions of a head turn. */
export const turning: Keys = ({ architecture }) => ({
  'rope.dimension_count': number(architecture.attention!.rope!.dims),
});

/** 0 stands for none. */
export const window: Keys = ({ config }) => ({
  'attention.sliding_window': number(Number(config['sliding_window'] ?? 0)),
});

export const windowsOfSome: Keys = ({ architecture }) => ({
  'attention.sliding_window_pattern': { bools: architecture.attention!.layers!.map((layer) => layer.window) },
});

export const localBase: Keys = ({ config }) => ({
  'rope.freq_base_swa': real(config['rope_local_base_freq'] ?? 10_000),
});

export const caps: Keys = ({ config }) => ({
  attn_logit_softcapping: real(config['attn_logit_softcapping']),
  final_logit_softcapping: real(config['final_logit_softcapping']),
});

export const clip: Keys = ({ config }) => ({ 'attention.clamp_kqv': real(config['clip_qkv']) });

export const longRope: Keys = ({ config }) => {
  const scaling = config['rope_scaling'] as Record<string, unknown> | undefined;
  return {
    'rope.scaling.original_context_length': number(Number(config['original_max_position_embeddings'] ?? 4096)),
    ...(scaling && { 'rope.scaling.attn_factor': real(scaling['attention_factor']) }),
  };
};

export const mamba1: Keys = ({ architecture }) => {
  const { inner, stateSize, dtRank, convWidth } = architecture.mamba1!;
  return {
    'ssm.conv_kernel': number(convWidth),
    'ssm.inner_size': number(inner),
    'ssm.state_size': number(stateSize),
    'ssm.time_step_rank': number(dtRank),
  };
};

export const normsOfDtBC: Keys = () => ({ 'ssm.dt_b_c_rms': { bool: true } });

export const mamba2: Keys = ({ architecture }) => {
  const { heads, headDim, stateSize, groups, convWidth } = architecture.mamba2!;
  return {
    'ssm.conv_kernel': number(convWidth),
    'ssm.inner_size': number(heads * headDim),
    'ssm.state_size': number(stateSize),
    'ssm.time_step_rank': number(heads),
    'ssm.group_count': number(groups),
  };
};

export const delta: Keys = (model) => {
  const { keyHeads, valueHeads, keyDim, valueDim, convWidth } = model.architecture.gatedDelta!;
  return {
    'ssm.conv_kernel': number(convWidth),
    'ssm.inner_size': number(valueHeads * valueDim),
    'ssm.state_size': number(keyDim),
    'ssm.time_step_rank': number(valueHeads),
    'ssm.group_count': number(keyHeads),
    full_attention_interval: number(has(model, 'attention').indexOf(true) + 1),
  };
};

export const shortConv: Keys = ({ architecture }) => ({
  'shortconv.l_cache': number(architecture.shortConv!.convWidth),
});

export const experts: Keys = ({ architecture: { moe } }): Record<string, GgufEntry> => {
  if (!moe) return {};
  return {
    expert_count: number(moe.experts),
    expert_used_count: number(moe.topK),
    expert_feed_forward_length: number(moe.intermediateSize),
  };
};

export const denseFirst: Keys = (model) => ({
  leading_dense_block_count: number(has(model, 'moe').indexOf(true)),
});

/** Of a block with experts, the width of one. */
export const widthOfSome: Keys = (model) => {
  const { moe, intermediateSize } = model.architecture;
  const mixtures = has(model, 'moe');
  const widths = has(model, 'relu2').map((is, block) => {
    return is ? (mixtures[block] ? moe!.intermediateSize : intermediateSize) : 0;
  });
  return { feed_forward_length: { i32s: widths } };
};

/** How a router with groups chooses, and the widths of what stands beside experts. */
export const groupsOfExperts: Keys = ({ architecture: { moe, intermediateSize } }) => {
  const { besideSize, latentSize } = moe!;
  const routing = moe!.routing!;
  return {
    expert_shared_count: number(1),
    expert_shared_feed_forward_length: number(besideSize ?? intermediateSize),
    expert_group_count: number(routing.groups ?? 1),
    expert_group_used_count: number(routing.keptGroups ?? 1),
    expert_weights_norm: { bool: routing.sumEps !== null },
    expert_weights_scale: real(routing.scale),
    ...(latentSize !== undefined && { moe_latent_size: number(latentSize) }),
  };
};

export const graniteFactors: Keys = ({ config, architecture }) => ({
  embedding_scale: real(architecture.embeddingScale),
  residual_scale: real(config['residual_multiplier']),
  logit_scale: real(1 / architecture.logitScale),
  'attention.scale': real(architecture.attention!.scale),
});

export const finetuned: Keys = ({ architecture }) => ({
  'rope.scaling.finetuned': { bool: Boolean(architecture.attention?.rope) },
});
