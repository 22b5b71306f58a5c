import type { Architecture } from '../../../architecture/architecture.ts';
import { mapped, rowsFrom, split, someRows, stacked, transposed, turned, type Weights } from './weights.ts';

// What a converter makes of each tensor of a checkpoint.

export type Config = Readonly<Record<string, unknown>>;

/** What a rule may look at. */
export interface Model {
  config: Config;
  architecture: Architecture;
}

/** What becomes of a tensor: other weights under other names. */
export type Change = (weights: Weights, model: Model) => Readonly<Record<string, Weights>>;

/** A tensor by its name without `.weight` and `.bias`, and what becomes of it: a name alone, or more. */
export type Rule = readonly [pattern: RegExp, to: string | Change];

/** One tensor of this name. */
const one =
  (name: string, change: (weights: Weights, model: Model) => Weights): Change =>
  (weights, model) => ({ [name]: change(weights, model) });

const squeezed = one('ssm_conv1d', withoutMiddle);

/** (channels, 1, width) as (channels, width); biases stay. */
function withoutMiddle({ shape, values }: Weights): Weights {
  return { shape: shape.length === 3 ? [shape[0]!, shape[2]!] : shape, values };
}

const negated = (weights: Weights) => mapped(weights, (value) => -Math.exp(value));
const column = ({ shape, values }: Weights): Weights => ({ shape: [shape[0]!, 1], values });

/** Rows of q and k for architectures that turn neighbours. */
const heads = (weights: Weights, { config }: Model) => turned(weights, headDimOf(config));

export function headDimOf(config: Config): number {
  return Number(config['head_dim'] ?? Number(config['hidden_size']) / Number(config['num_attention_heads']));
}

export const ATTENTION: readonly Rule[] = [
  [/^(self_attn|mixer)\.q_proj$/, 'attn_q'],
  [/^(self_attn|mixer)\.k_proj$/, 'attn_k'],
  [/^(self_attn|mixer)\.v_proj$/, 'attn_v'],
  [/^(self_attn\.(o|out)_proj|mixer\.o_proj)$/, 'attn_output'],
  [/^self_attn\.q_(norm|layernorm)$/, 'attn_q_norm'],
  [/^self_attn\.k_(norm|layernorm)$/, 'attn_k_norm'],
];

export const TURNED: readonly Rule[] = [
  [/^self_attn\.q_proj$/, one('attn_q', heads)],
  [/^self_attn\.k_proj$/, one('attn_k', heads)],
];

export const MLP: readonly Rule[] = [
  [/^(mlp|feed_forward)\.(gate_proj|w1)$/, 'ffn_gate'],
  [/^(mlp|feed_forward|mixer)\.(up_proj|w3)$/, 'ffn_up'],
  [/^(mlp|feed_forward|mixer)\.(down_proj|w2)$/, 'ffn_down'],
];

/** Norms before the mixer and before the MLP. */
export const NORMS: readonly Rule[] = [
  [/^(input_layernorm|norm|operator_norm)$/, 'attn_norm'],
  [/^(post_attention_layernorm|pre_ff_layernorm|ffn_norm)$/, 'ffn_norm'],
];

const plusOne = (name: string) => one(name, (weights) => mapped(weights, (value) => value + 1));

/** Norms behind attention, before and behind the MLP. */
export const NORMS_AROUND: readonly Rule[] = [
  [/^input_layernorm$/, plusOne('attn_norm')],
  [/^post_attention_layernorm$/, plusOne('post_attention_norm')],
  [/^pre_feedforward_layernorm$/, plusOne('ffn_norm')],
  [/^post_feedforward_layernorm$/, plusOne('post_ffw_norm')],
  [/^self_attn\.q_norm$/, plusOne('attn_q_norm')],
  [/^self_attn\.k_norm$/, plusOne('attn_k_norm')],
];

/** Norms behind attention and the MLP. */
export const NORMS_BEHIND: readonly Rule[] = [
  [/^post_attention_layernorm$/, 'post_attention_norm'],
  [/^post_feedforward_layernorm$/, 'post_ffw_norm'],
];

export const MAMBA1: readonly Rule[] = [
  [/^(mamba|mixer)\.in_proj$/, 'ssm_in'],
  [/^(mamba|mixer)\.conv1d$/, squeezed],
  [/^(mamba|mixer)\.x_proj$/, 'ssm_x'],
  [/^(mamba|mixer)\.dt_proj$/, 'ssm_dt'],
  [/^mamba\.(dt|b|c)_layernorm$/, 'ssm_$1_norm'],
  [/^(mamba|mixer)\.A_log$/, one('ssm_a', negated)],
  [/^(mamba|mixer)\.D$/, 'ssm_d'],
  [/^(mamba|mixer)\.out_proj$/, 'ssm_out'],
];

export const MAMBA2: readonly Rule[] = [
  [/^(mamba|mixer)\.in_proj$/, 'ssm_in'],
  [/^(mamba|mixer)\.conv1d$/, squeezed],
  [/^(mamba|mixer)\.dt_bias$/, 'ssm_dt.bias'],
  [/^(mamba|mixer)\.A_log$/, one('ssm_a', (weights) => column(negated(weights)))],
  [/^(mamba|mixer)\.D$/, one('ssm_d', column)],
  [
    /^(mamba|mixer)\.norm$/,
    one('ssm_norm', ({ shape, values }, { architecture }) => {
      const { groups } = architecture.mamba2!;
      return { shape: [groups, shape[0]! / groups], values };
    }),
  ],
  [/^(mamba|mixer)\.out_proj$/, 'ssm_out'],
];

export const SHORT_CONV: readonly Rule[] = [
  [/^conv\.in_proj$/, 'shortconv.in_proj'],
  [/^conv\.conv$/, one('shortconv.conv', withoutMiddle)],
  [/^conv\.out_proj$/, 'shortconv.out_proj'],
];

/** Names of an expert's matrices. */
const EXPERT_MATRICES: Readonly<Record<string, string>> = {
  gate_proj: 'ffn_gate_exps',
  up_proj: 'ffn_up_exps',
  down_proj: 'ffn_down_exps',
  w1: 'ffn_gate_exps',
  w3: 'ffn_up_exps',
  w2: 'ffn_down_exps',
};

/** What a matrix of an expert becomes a part of, by its name without `.weight`; undefined for all else. */
export function expertOf(name: string): string | undefined {
  const [, matrix = ''] = /^(?:mlp|feed_forward|mixer)\.experts\.\d+\.(\w+)$/.exec(name) ?? [];
  return EXPERT_MATRICES[matrix];
}

export const ROUTER: readonly Rule[] = [
  [/^(mlp\.gate|feed_forward\.gate|feed_forward\.router|block_sparse_moe\.router\.layer)$/, 'ffn_gate_inp'],
  [/^feed_forward\.expert_bias$/, 'exp_probs_b.bias'],
];

/** An MLP beside a mixture, whose output has a gate. */
export const SHARED_EXPERT: readonly Rule[] = [
  [/^mlp\.shared_expert\.(gate|up|down)_proj$/, 'ffn_$1_shexp'],
  [/^mlp\.shared_expert_gate$/, one('ffn_gate_inp_shexp', ({ values }) => ({ shape: [values.length], values }))],
];

/** Nemotron-H's mixture, the MLP beside it, and the projections to and from the width of its experts. */
export const NEMOTRON_EXPERTS: readonly Rule[] = [
  [/^mixer\.gate$/, 'ffn_gate_inp'],
  [/^mixer\.gate\.e_score_correction_bias$/, 'exp_probs_b.bias'],
  [/^mixer\.shared_experts\.(up|down)_proj$/, 'ffn_$1_shexp'],
  [/^mixer\.fc1_latent_proj$/, 'ffn_latent_down'],
  [/^mixer\.fc2_latent_proj$/, 'ffn_latent_up'],
];

/** Granite's experts, whose gate and up are one tensor, and the MLP beside them. */
export const GRANITE_EXPERTS: readonly Rule[] = [
  [/^block_sparse_moe\.output_linear$/, 'ffn_down_exps'],
  [
    /^block_sparse_moe\.input_linear$/,
    (weights) => {
      const [gate, up] = split(weights);
      return { ffn_gate_exps: gate, ffn_up_exps: up };
    },
  ],
  [/^shared_mlp\.output_linear$/, (weights, model) => ({ [`ffn_down${besides(model)}`]: weights })],
  [
    /^shared_mlp\.input_linear$/,
    (weights, model) => {
      const [gate, up] = split(weights);
      return { [`ffn_gate${besides(model)}`]: gate, [`ffn_up${besides(model)}`]: up };
    },
  ],
];

function besides({ architecture }: Model): string {
  return architecture.moe ? '_shexp' : '';
}

/** Delta mixers, in what Qwen3-Next and Qwen3.5 have alike, with norms as they are. */
const DELTA: readonly Rule[] = [
  [/^input_layernorm$/, plusOne('attn_norm')],
  [/^post_attention_layernorm$/, plusOne('post_attention_norm')],
  [/^self_attn\.q_norm$/, plusOne('attn_q_norm')],
  [/^self_attn\.k_norm$/, plusOne('attn_k_norm')],
  [/^linear_attn\.norm$/, 'ssm_norm'],
];

export const QWEN3_NEXT: readonly Rule[] = [
  ...DELTA,
  [/^linear_attn\.conv1d$/, squeezed],
  [/^linear_attn\.dt_bias$/, 'ssm_dt.bias'],
  [/^linear_attn\.A_log$/, one('ssm_a', negated)],
  [/^linear_attn\.out_proj$/, 'ssm_out'],
  [/^linear_attn\.in_proj_ba$/, 'ssm_ba'],
  [
    /^linear_attn\.in_proj_qkvz$/,
    (weights, { architecture }) => {
      const { keyHeads, valueHeads, keyDim, valueDim } = architecture.gatedDelta!;
      const wide = (valueHeads / keyHeads) * valueDim;
      const sizes = { q: keyDim, k: keyDim, v: wide, z: wide };
      const all = 2 * keyDim + 2 * wide;
      let before = 0;
      const parts = Object.values(sizes).map((size) => {
        const rows = Array.from({ length: keyHeads }, (_, head) =>
          someRows(weights, head * all + before, head * all + before + size),
        );
        before += size;
        return stacked(rows).values;
      });
      const together = (those: readonly Float32Array[]): Weights => {
        const values = Float32Array.from(those.flatMap((each) => Array.from(each)));
        const columns = weights.shape[1]!;
        return { shape: [values.length / columns, columns], values };
      };
      return { attn_qkv: together(parts.slice(0, 3)), attn_gate: together(parts.slice(3)) };
    },
  ],
];

/** Rows from `begin` on are of heads of values: first those of each key head's first one, then those of its second. */
function tiled(begin: (model: Model) => number, width: (model: Model) => number) {
  return (weights: Weights, model: Model): Weights => {
    const { keyHeads, valueHeads } = model.architecture.gatedDelta!;
    const [first, size] = [begin(model), width(model)];
    return rowsFrom(weights, (row) => {
      if (row < first) return row;
      const [head, within] = [Math.floor((row - first) / size), (row - first) % size];
      const [turn, key] = [Math.floor(head / keyHeads), head % keyHeads];
      return first + (key * (valueHeads / keyHeads) + turn) * size + within;
    });
  };
}

const keyRows = ({ architecture: { gatedDelta } }: Model) => 2 * gatedDelta!.keyHeads * gatedDelta!.keyDim;
const valueDim = ({ architecture: { gatedDelta } }: Model) => gatedDelta!.valueDim;
const none = () => 0;
const single = () => 1;
const tiledHeads = tiled(none, single);
const tiledValues = tiled(none, valueDim);
const tiledMixed = tiled(keyRows, valueDim);

export const QWEN3_5: readonly Rule[] = [
  ...DELTA,
  [/^linear_attn\.in_proj_qkv$/, one('attn_qkv', tiledMixed)],
  [/^linear_attn\.conv1d$/, one('ssm_conv1d', (weights, model) => tiledMixed(withoutMiddle(weights), model))],
  [/^linear_attn\.in_proj_z$/, one('attn_gate', tiledValues)],
  [/^linear_attn\.in_proj_b$/, one('ssm_beta', tiledHeads)],
  [/^linear_attn\.in_proj_a$/, one('ssm_alpha', tiledHeads)],
  [/^linear_attn\.dt_bias$/, one('ssm_dt.bias', tiledHeads)],
  [/^linear_attn\.A_log$/, one('ssm_a', (weights, model) => tiledHeads(negated(weights), model))],
  [/^linear_attn\.out_proj$/, one('ssm_out', (weights, model) => transposed(tiledValues(transposed(weights), model)))],
];

/** Factors of Falcon-H1, each in the weights that it belongs to. */
export function falconFactors(base: string, weights: Weights, { config, architecture }: Model): Weights {
  const factor = (name: string) => Number(config[name] ?? 1);
  const mlp = (config['mlp_multipliers'] ?? [1, 1]) as number[];
  const into = factor('attention_in_multiplier');
  const factors: Readonly<Record<string, number>> = {
    attn_q: into,
    attn_k: into * factor('key_multiplier'),
    attn_v: into,
    attn_output: factor('attention_out_multiplier'),
    ssm_out: factor('ssm_out_multiplier'),
    ffn_gate: mlp[0]!,
    ffn_down: mlp[1]!,
  };
  if (base !== 'ssm_in') return mapped(weights, (value) => value * (factors[base] ?? 1));
  const { heads: count, headDim, groups, stateSize } = architecture.mamba2!;
  const [inner, grouped] = [count * headDim, groups * stateSize];
  const multipliers = (config['ssm_multipliers'] ?? [1, 1, 1, 1, 1]) as number[];
  const rows = [inner, inner, grouped, grouped, count].flatMap((length, i) =>
    Array<number>(length).fill(multipliers[i]! * factor('ssm_in_multiplier')),
  );
  const columns = weights.shape[1]!;
  return mapped(weights, (value, i) => value * rows[Math.floor(i / columns)]!);
}
