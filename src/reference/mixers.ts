import { add } from './add.ts';
import { addBias } from './add_bias.ts';
import { attention } from './attention.ts';
import { clip } from './clip.ts';
import { conv1d } from './conv1d.ts';
import { headNorm } from './head_norm.ts';
import { matmul } from './matmul.ts';
import type { BlockState, ReferenceArchitecture } from './model.ts';
import { rmsNormGated, siluGate } from './rms_norm_gated.ts';
import { rope } from './rope.ts';
import { sigmoid } from './sigmoid.ts';
import type { SsmDims } from './selective_state_update.ts';
import { timeStep } from './softplus.ts';
import { ssdRecurrence } from './ssd.ts';
import { at, rowCount, type Values } from './values.ts';

// Branches that mix tokens.

/** The input of a branch. */
export interface BranchInput {
  /** (T, C), normed. */
  x: Float64Array;
  architecture: ReferenceArchitecture;
  /** Tensors of the block, without its name. */
  tensor: (name: string) => Values;
  state: BlockState;
  position: number;
  /** Number of the block. */
  block: number;
}

/**
 * The summand of a branch for the residual stream (T, C), and the state after it; that of other branches is passed on.
 */
export type Branch = (input: BranchInput) => { y: Float64Array; state: BlockState };

/** A Mamba-2 mixer: in_proj, conv, SSM, gated norm, out_proj. in_proj's rows are z, x, B, C, dt. */
export const mamba2Branch: Branch = ({ x: input, architecture, tensor: ofBlock, state, position }) => {
  const { hiddenSize: C, normEps: eps } = architecture;
  const tensor = (name: string) => ofBlock(`mamba2.${name}`);
  const dims = given(architecture.mamba2, 'mamba2');
  const before = given(state.mamba2, 'state of mamba2');
  const { inner, grouped, channels, projected } = mamba2Widths(dims);
  const withBias = (values: Float64Array, what: 'in' | 'out') =>
    architecture.biases?.includes(`mamba2_${what}`) ? addBias(values, tensor(`${what}_proj_bias`)) : values;
  const u = withBias(matmul(input, tensor('in_proj'), C), 'in');
  const z = columns(u, projected, 0, inner);
  const dtRaw = columns(u, projected, inner + channels, dims.heads);
  const raw = columns(u, projected, inner, channels);
  const conv = conv1d(raw, tensor('conv1d_weight'), tensor('conv1d_bias'), before.conv, position);
  const dtBias = tensor('dt_bias');
  const inputs = {
    x: columns(conv.v, channels, 0, inner),
    b: columns(conv.v, channels, inner, grouped),
    c: columns(conv.v, channels, inner + grouped, grouped),
    dt: dtRaw.map((value, i) => timeStep(value, at(dtBias, i % dims.heads), dims.dtLimit)),
    a: tensor('a'),
    d: tensor('d'),
  };
  const scan = ssdRecurrence(inputs, before.ssm, dims);
  const gated =
    dims.normGroups === null
      ? siluGate(scan.y, z)
      : rmsNormGated(scan.y, z, tensor('norm'), { eps, groups: dims.normGroups, gateLast: dims.gateLast });
  return {
    y: withBias(matmul(gated, tensor('out_proj'), inner), 'out'),
    state: { ...state, mamba2: { conv: conv.state, ssm: scan.state } },
  };
};

/** The input of an attention mixer. In a shared transformer it has the summand of q, k and v as well. */
type AttentionInput = BranchInput & { adapt?: ((input: Float64Array) => Float64Array) | undefined };

/** An attention mixer; qkv's rows are q, k, v. */
export const attentionBranch = (branch: AttentionInput): ReturnType<Branch> => {
  const { x: input, architecture, tensor, state, position, block, adapt } = branch;
  const shape = given(architecture.attention, 'attention');
  const before = given(state.attention, 'state of attention');
  const { heads, kvHeads, headDim, qkvLimit, qkNorm, window, ...dims } = shape;
  const has = (what: 'qkv' | 'o_proj') => architecture.biases?.includes(what) ?? false;
  const layer = shape.layers?.[block] ?? { window: false, rope: 'main' };
  const embedding = { main: shape.rope, local: shape.localRope ?? null, none: null }[layer.rope];
  let qkv = matmul(input, tensor('attention.qkv'), architecture.hiddenSize);
  if (adapt) qkv = add(qkv, adapt(input));
  if (has('qkv')) qkv = addBias(qkv, tensor('attention.qkv_bias'));
  if (qkvLimit !== undefined) qkv = clip(qkv, qkvLimit);
  if (qkNorm) {
    const normed = { heads, kvHeads, headDim, over: qkNorm };
    qkv = headNorm(qkv, tensor('attention.qk_norm'), normed, architecture.normEps);
  }
  const [wide, narrow] = [heads * headDim, kvHeads * headDim];
  const part = (first: number, width: number) => columns(qkv, wide + 2 * narrow, first, width);
  const q = rope(part(0, wide), embedding, { heads, headDim, position });
  const k = rope(part(wide, narrow), embedding, { heads: kvHeads, headDim, position });
  const keys = appended(before.keys, k);
  const values = appended(before.values, part(wide + narrow, narrow));
  const all = { ...dims, heads, kvHeads, headDim, ...(layer.window && window !== undefined && { window }) };
  const attended = attention(q, keys, values, all, position, shape.sinks && tensor('attention.sinks'));
  const product = shape.gated ? matmul(input, tensor('attention.gate'), architecture.hiddenSize) : null;
  const gate = product && has('qkv') ? addBias(product, tensor('attention.gate_bias')) : product;
  const y = gate ? attended.map((value, i) => value * sigmoid(at(gate, i))) : attended;
  const out = matmul(y, tensor('attention.o_proj'), wide);
  return {
    y: has('o_proj') ? addBias(out, tensor('attention.o_proj_bias')) : out,
    state: { ...state, attention: { keys, values } },
  };
};

/** I, G*N, conv channels and the width of in_proj's output. */
export function mamba2Widths({ heads, headDim, stateSize, groups }: SsmDims) {
  const inner = heads * headDim;
  const grouped = groups * stateSize;
  const channels = inner + 2 * grouped;
  return { inner, grouped, channels, projected: inner + channels + heads };
}

/** Columns [first, first + count) of a tensor with `width` columns. */
export function columns(values: Float64Array, width: number, first: number, count: number): Float64Array {
  const rows = rowCount(values, width);
  const out = new Float64Array(rows * count);
  for (let row = 0; row < rows; row++) {
    out.set(values.subarray(row * width + first, row * width + first + count), row * count);
  }
  return out;
}

function appended(first: Float64Array, second: Float64Array): Float64Array {
  const out = new Float64Array(first.length + second.length);
  out.set(first);
  out.set(second, first.length);
  return out;
}

/** The value, which a sound model has. */
export function given<Type>(value: Type | null | undefined, what: string): Type {
  if (value === null || value === undefined) throw new RangeError(`The model has no ${what}.`);
  return value;
}
