import { add } from './add.ts';
import { attention, type AttentionDims } from './attention.ts';
import { conv1d } from './conv1d.ts';
import { embed } from './embed.ts';
import { matmul } from './matmul.ts';
import { rmsNorm } from './rms_norm.ts';
import { rmsNormGated } from './rms_norm_gated.ts';
import { rope, type RotaryEmbedding } from './rope.ts';
import type { SsmDims } from './selective_state_update.ts';
import { type TimeStepLimit, timeStep } from './softplus.ts';
import { ssdRecurrence } from './ssd.ts';
import { swiglu } from './swiglu.ts';
import { at, rowCount, type Values } from './values.ts';

// The whole model, token by token where it is a recurrence: what everything else is held to.

/** What the reference needs of a normalized architecture (src/model/architecture.ts is one). */
export interface ReferenceArchitecture {
  hiddenSize: number;
  blocks: readonly ('mamba2' | 'attention')[];
  mamba2: (SsmDims & { normGroups: number; dtLimit: TimeStepLimit }) | null;
  attention: (AttentionDims & { rope: RotaryEmbedding | null }) | null;
  normEps: number;
  tiedHead: boolean;
}

/** Tensors by our names, such as `blocks.3.mamba2.in_proj`; matrices (rows, columns). */
export type ReferenceTensors = ReadonlyMap<string, Values>;

/** State of one block: of a Mamba-2 mixer, or of attention. */
export type BlockState =
  | {
      kind: 'mamba2';
      /** (4, channels), column q % 4 holds the raw input of position q */
      conv: Float64Array;
      /** (H, P, N) */
      ssm: Float64Array;
    }
  | {
      kind: 'attention';
      /** (position, J, headDim), rotated */
      keys: Float64Array;
      /** (position, J, headDim) */
      values: Float64Array;
    };

/** What a sequence of `position` tokens leaves behind. */
export interface ReferenceState {
  position: number;
  blocks: BlockState[];
}

export interface ForwardResult {
  /** (T, V) */
  logits: Float64Array;
  /** (T, C) each: the embeddings, then the residual stream after each block. */
  hidden: Float64Array[];
  /** (T, C): the last of `hidden` after the final norm. */
  normed: Float64Array;
  state: ReferenceState;
}

/** The state before the first token. */
export function emptyState({ blocks, mamba2 }: ReferenceArchitecture): ReferenceState {
  return {
    position: 0,
    blocks: blocks.map((kind): BlockState => {
      if (kind === 'attention') return { kind, keys: new Float64Array(0), values: new Float64Array(0) };
      const { inner, channels } = widths(given(mamba2, 'mamba2'));
      return {
        kind,
        conv: new Float64Array(4 * channels),
        ssm: new Float64Array(inner * given(mamba2, 'mamba2').stateSize),
      };
    }),
  };
}

/**
 * Runs `ids` after what `state` holds, which is left as it is.
 *
 * ```ts
 * const prompt = forward(architecture, tensors, [1, 2, 3]);
 * const next = forward(architecture, tensors, [4], prompt.state);
 * ```
 */
export function forward(
  architecture: ReferenceArchitecture,
  tensors: ReferenceTensors,
  ids: Values,
  state: ReferenceState = emptyState(architecture),
): ForwardResult {
  const { hiddenSize: C, blocks, normEps, tiedHead } = architecture;
  const tensor = (name: string) => given(tensors.get(name), name);
  let x = embed(ids, tensor('embedding'), C);
  const hidden = [x];
  const states: BlockState[] = [];
  for (const index of blocks.keys()) {
    const ofBlock = (name: string) => tensor(`blocks.${index}.${name}`);
    const before = given(state.blocks[index], `state of block ${index}`);
    const normed = rmsNorm(x, ofBlock('norm'), normEps);
    const mixed =
      before.kind === 'mamba2'
        ? mamba2Mixer(normed, architecture, (name) => ofBlock(`mamba2.${name}`), before, state.position)
        : attentionMixer(normed, architecture, (name) => ofBlock(`attention.${name}`), before, state.position);
    states.push(mixed.state);
    x = add(x, mixed.y);
    const gateUp = matmul(rmsNorm(x, ofBlock('mlp_norm'), normEps), ofBlock('gate_up'), C);
    const F = rowCount(ofBlock('down'), C);
    x = add(x, matmul(swiglu(gateUp), ofBlock('down'), F));
    hidden.push(x);
  }
  const normed = rmsNorm(x, tensor('final_norm'), normEps);
  const logits = matmul(normed, tensor(tiedHead ? 'embedding' : 'head'), C);
  return { logits, hidden, normed, state: { position: state.position + ids.length, blocks: states } };
}

type Lookup = (name: string) => Values;

/** A Mamba-2 mixer: in_proj, conv, SSM, gated norm, out_proj. in_proj's rows are z, x, B, C, dt. */
function mamba2Mixer(
  input: Float64Array,
  { hiddenSize: C, mamba2: shape, normEps: eps }: ReferenceArchitecture,
  tensor: Lookup,
  state: BlockState & { kind: 'mamba2' },
  position: number,
): { y: Float64Array; state: BlockState } {
  const dims = given(shape, 'mamba2');
  const { inner, grouped, channels, projected } = widths(dims);
  const u = matmul(input, tensor('in_proj'), C);
  const z = columns(u, projected, 0, inner);
  const dtRaw = columns(u, projected, inner + channels, dims.heads);
  const raw = columns(u, projected, inner, channels);
  const conv = conv1d(raw, tensor('conv1d_weight'), tensor('conv1d_bias'), state.conv, position);
  const dtBias = tensor('dt_bias');
  const inputs = {
    x: columns(conv.v, channels, 0, inner),
    b: columns(conv.v, channels, inner, grouped),
    c: columns(conv.v, channels, inner + grouped, grouped),
    dt: dtRaw.map((value, i) => timeStep(value, at(dtBias, i % dims.heads), dims.dtLimit)),
    a: tensor('a'),
    d: tensor('d'),
  };
  const scan = ssdRecurrence(inputs, state.ssm, dims);
  const gated = rmsNormGated(scan.y, z, tensor('norm'), { eps, groups: dims.normGroups });
  return {
    y: matmul(gated, tensor('out_proj'), inner),
    state: { kind: 'mamba2', conv: conv.state, ssm: scan.state },
  };
}

/** An attention mixer; qkv's rows are q, k, v. */
function attentionMixer(
  input: Float64Array,
  { hiddenSize: C, attention: shape }: ReferenceArchitecture,
  tensor: Lookup,
  state: BlockState & { kind: 'attention' },
  position: number,
): { y: Float64Array; state: BlockState } {
  const dims = given(shape, 'attention');
  const { heads, kvHeads, headDim } = dims;
  const qkv = matmul(input, tensor('qkv'), C);
  const [wide, narrow] = [heads * headDim, kvHeads * headDim];
  const part = (first: number, width: number) => columns(qkv, wide + 2 * narrow, first, width);
  const q = rope(part(0, wide), dims.rope, { heads, headDim, position });
  const k = rope(part(wide, narrow), dims.rope, { heads: kvHeads, headDim, position });
  const keys = appended(state.keys, k);
  const values = appended(state.values, part(wide + narrow, narrow));
  const y = attention(q, keys, values, dims, position);
  return { y: matmul(y, tensor('o_proj'), wide), state: { kind: 'attention', keys, values } };
}

/** I, G*N, conv channels and the width of in_proj's output. */
function widths({ heads, headDim, stateSize, groups }: SsmDims) {
  const inner = heads * headDim;
  const grouped = groups * stateSize;
  const channels = inner + 2 * grouped;
  return { inner, grouped, channels, projected: inner + channels + heads };
}

/** Columns [first, first + count) of a tensor with `width` columns. */
function columns(values: Float64Array, width: number, first: number, count: number): Float64Array {
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

function given<Type>(value: Type | null | undefined, what: string): Type {
  if (value === null || value === undefined) throw new RangeError(`The model has no ${what}.`);
  return value;
}
