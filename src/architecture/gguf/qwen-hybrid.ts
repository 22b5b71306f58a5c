import { attentionFields, commonFields, type GgufModel, rmsEps, rotaryShare } from './common.ts';
import type { GgufFacts } from './facts.ts';
import { EXPERT_PARTS, expertNames } from './mixers.ts';
import type { GgufNames, NameRule, RowRange } from './names.ts';
import { ATTENTION_NAMES, mlpNames, MODEL_NAMES } from './transformers.ts';

// Qwen3-Next and Qwen3.5 in GGUF files: gated delta mixers, and attention with a gate. Weights of their norms are stored as
// they are, and in checkpoints as what they are beyond 1, but for the one inside a delta mixer.

const norm = (to: string): NameRule => ({ to, map: 'minus_one' });

/** Every so manieth block has attention, where the file does not say. */
const INTERVAL = 4;

/** No mixer has as many. */
const MOST_HEADS = 4096;

/** Sizes of a delta mixer. */
interface DeltaSizes {
  keyHeads: number;
  valueHeads: number;
  keyDim: number;
  valueDim: number;
  /** Heads of values for each of keys. */
  shared: number;
}

/** @throws BambaError `config_invalid` for heads of values that are no whole number for each of keys. */
function deltaSizes({ metadata }: GgufFacts): DeltaSizes {
  const keyHeads = metadata.countUpTo(MOST_HEADS, '.ssm.group_count');
  const valueHeads = metadata.countUpTo(MOST_HEADS, '.ssm.time_step_rank');
  const shared = valueHeads / keyHeads;
  const valueDim = metadata.count('.ssm.inner_size') / valueHeads;
  if (!Number.isInteger(shared)) throw metadata.invalid('.ssm.time_step_rank', `has to be a multiple of ${keyHeads}`);
  if (!Number.isInteger(valueDim)) throw metadata.invalid('.ssm.inner_size', `has to be a multiple of ${valueHeads}`);
  return { keyHeads, valueHeads, keyDim: metadata.count('.ssm.state_size'), valueDim, shared };
}

/** Config of such a model, but for its MLPs. */
function fields(facts: GgufFacts): Record<string, unknown> {
  const { metadata, blocks } = facts;
  const { keyHeads, valueHeads, keyDim, valueDim } = deltaSizes(facts);
  const interval = metadata.count('.full_attention_interval', INTERVAL);
  const recurrent =
    facts.flagsOfBlocks('.attention.recurrent_layers') ??
    Array.from({ length: blocks }, (_, block) => (block + 1) % interval !== 0);
  return {
    ...commonFields(facts),
    ...attentionFields(facts),
    partial_rotary_factor: rotaryShare(facts),
    rms_norm_eps: rmsEps(facts),
    layer_types: recurrent.map((is) => (is ? 'linear_attention' : 'full_attention')),
    linear_num_key_heads: keyHeads,
    linear_num_value_heads: valueHeads,
    linear_key_head_dim: keyDim,
    linear_value_head_dim: valueDim,
    linear_conv_kernel_dim: metadata.count('.ssm.conv_kernel'),
  };
}

/** Fields of a mixture of experts beside an MLP. */
function expertFields(facts: GgufFacts): Record<string, unknown> {
  const { metadata } = facts;
  return {
    num_experts: metadata.count('.expert_count'),
    num_experts_per_tok: metadata.count('.expert_used_count'),
    moe_intermediate_size: facts.columnsInBlocks('ffn_down_exps.weight'),
    shared_expert_intermediate_size: facts.columnsInBlocks('ffn_down_shexp.weight'),
    norm_topk_prob: metadata.flag('.expert_weights_norm', true),
  };
}

/** The names that all of them share. */
const NAMES: GgufNames = {
  model: { ...MODEL_NAMES, 'output_norm.weight': norm('model.norm.weight') },
  layers: 'model.layers',
  block: {
    attn_norm: norm('input_layernorm'),
    post_attention_norm: norm('post_attention_layernorm'),
    ...ATTENTION_NAMES,
    attn_q_norm: norm('self_attn.q_norm'),
    attn_k_norm: norm('self_attn.k_norm'),
    ssm_conv1d: { to: 'linear_attn.conv1d', shape: 'conv' },
    'ssm_dt.bias': 'linear_attn.dt_bias',
    ssm_a: { to: 'linear_attn.A_log', map: 'log_negate' },
    ssm_norm: 'linear_attn.norm',
    ssm_out: 'linear_attn.out_proj',
  },
};

const EXPERT_NAMES: GgufNames['block'] = {
  ffn_gate_inp: 'mlp.gate',
  ...expertNames('mlp', EXPERT_PARTS),
  ffn_gate_inp_shexp: { to: 'mlp.shared_expert_gate', shape: 'row' },
  ffn_gate_shexp: 'mlp.shared_expert.gate_proj',
  ffn_up_shexp: 'mlp.shared_expert.up_proj',
  ffn_down_shexp: 'mlp.shared_expert.down_proj',
};

/** Rows in blocks of `width` from `begin` on, of which those that are read one after the other are stored at `from`. */
function blocksOfRows(begin: number, width: number, from: readonly number[]): RowRange[] {
  return from.map((block) => [begin + block * width, begin + (block + 1) * width]);
}

/**
 * Qwen3.5's delta mixers. Checkpoints have heads of values that share a head of keys side by side; files have the first of
 * each, then the second of each.
 */
function qwen35Names(facts: GgufFacts): GgufNames['block'] {
  const { keyHeads, valueHeads, keyDim, valueDim, shared } = deltaSizes(facts);
  const from = Array.from({ length: valueHeads }, (_, head) => {
    return (head % shared) * keyHeads + Math.floor(head / shared);
  });
  const keys = 2 * keyHeads * keyDim;
  const mixed: RowRange[] = [[0, keys], ...blocksOfRows(keys, valueDim, from)];
  const values = blocksOfRows(0, valueDim, from);
  const heads = blocksOfRows(0, 1, from);
  return {
    attn_qkv: { to: 'linear_attn.in_proj_qkv', rows: mixed },
    attn_gate: { to: 'linear_attn.in_proj_z', rows: values },
    ssm_beta: { to: 'linear_attn.in_proj_b', rows: heads },
    ssm_alpha: { to: 'linear_attn.in_proj_a', rows: heads },
    ssm_conv1d: { to: 'linear_attn.conv1d', shape: 'conv', rows: mixed },
    'ssm_dt.bias': { to: 'linear_attn.dt_bias', rows: heads },
    ssm_a: { to: 'linear_attn.A_log', map: 'log_negate', rows: heads },
    ssm_out: { to: 'linear_attn.out_proj', columns: { width: valueDim, from } },
  };
}

export function qwen35(facts: GgufFacts): GgufModel {
  return {
    config: {
      model_type: 'qwen3_5_text',
      ...fields(facts),
      intermediate_size: facts.metadata.count('.feed_forward_length'),
    },
    names: { ...NAMES, block: { ...NAMES.block, ...qwen35Names(facts), ...mlpNames('mlp') } },
  };
}

export function qwen35Moe(facts: GgufFacts): GgufModel {
  return {
    config: { model_type: 'qwen3_5_moe_text', ...fields(facts), ...expertFields(facts) },
    names: { ...NAMES, block: { ...NAMES.block, ...qwen35Names(facts), ...EXPERT_NAMES } },
  };
}

/**
 * Qwen3-Next. Checkpoints have q, k, v and z of a head of keys side by side; files have those of all heads one after the
 * other, and older files as checkpoints do.
 */
export function qwen3Next(facts: GgufFacts): GgufModel {
  const { keyHeads, keyDim, valueDim, shared } = deltaSizes(facts);
  const width = shared * valueDim;
  const parts = Array.from({ length: keyHeads }, (_, head) => {
    const at = (first: number, size: number): RowRange => [first + head * size, first + (head + 1) * size];
    return [
      { from: 'attn_qkv.weight', rows: at(0, keyDim) },
      { from: 'attn_qkv.weight', rows: at(keyHeads * keyDim, keyDim) },
      { from: 'attn_qkv.weight', rows: at(2 * keyHeads * keyDim, width) },
      { from: 'attn_gate.weight', rows: at(0, width) },
    ];
  }).flat();
  return {
    config: { model_type: 'qwen3_next', ...fields(facts), ...expertFields(facts) },
    names: {
      ...NAMES,
      block: {
        ...NAMES.block,
        ssm_in: 'linear_attn.in_proj_qkvz',
        ssm_ba: 'linear_attn.in_proj_ba',
        ...EXPERT_NAMES,
      },
      joined: [{ to: 'linear_attn.in_proj_qkvz.weight', parts }],
    },
  };
}
