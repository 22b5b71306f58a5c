import type { Mamba2Dims } from '../../kernels/mamba2/mamba2-shape.ts';
import { mamba2Widths } from '../../kernels/mamba2/mamba2-shape.ts';
import { conv1d } from '../../reference/conv1d.ts';
import { rmsNormGated } from '../../reference/rms_norm_gated.ts';
import { timeStep } from '../../reference/softplus.ts';
import { ssdRecurrence } from '../../reference/ssd.ts';
import { randomTensor } from '../arbitrary.ts';

// Mamba-2 mixers of small sizes, and what the reference makes of them between in_proj and out_proj.

/** No upper limit of dt, as the kernels spell it. */
export const NO_LIMIT = 3e38;

/** Shapes of Bamba-9B's heads (P 64, N 128), of its relatives, and small odd ones; H, P, N, G. */
export const MAMBA2_SHAPES: readonly Mamba2Dims[] = [
  [2, 64, 128, 1],
  [4, 32, 64, 2],
  [3, 80, 128, 1],
  [2, 4, 16, 1],
  [4, 8, 4, 4],
  [1, 64, 16, 1],
  [2, 128, 8, 1],
  [1, 4, 512, 1],
  [6, 12, 20, 3],
  [1, 16, 256, 1],
].map(([heads, headDim, stateSize, groups]) => ({
  heads: heads!,
  headDim: headDim!,
  stateSize: stateSize!,
  groups: groups!,
  dtLo: 0,
  dtHi: NO_LIMIT,
}));

/** Vectors of a mixer, in f32. */
export interface MixerVectors {
  /** (channels, 4) */
  convWeight: Float32Array;
  convBias: Float32Array;
  dtBias: Float32Array;
  a: Float32Array;
  d: Float32Array;
}

/** What a mixer keeps between tokens. */
export interface MixerState {
  /** (4, channels) */
  conv: Float32Array;
  /** (H, P, N) */
  ssm: Float32Array;
}

/** Random vectors; `a` spans the magnitudes of trained models, from 1e-3 to 16. */
export function mixerVectors(seed: number, dims: Mamba2Dims): MixerVectors {
  const { channels } = mamba2Widths(dims);
  return {
    convWeight: randomTensor(seed, channels * 4, 0.5),
    convBias: randomTensor(seed + 1, channels, 0.2),
    dtBias: randomTensor(seed + 2, dims.heads).map((value) => value - 2),
    a: randomTensor(seed + 3, dims.heads, 3).map((value) => -Math.min(16, Math.exp(value))),
    d: randomTensor(seed + 4, dims.heads),
  };
}

/** The state before a sequence, or a random one. */
export function mixerState(dims: Mamba2Dims, seed?: number): MixerState {
  const { inner, channels } = mamba2Widths(dims);
  const tensor = (index: number, size: number) =>
    seed === undefined ? new Float32Array(size) : randomTensor(seed + index, size);
  return { conv: tensor(0, 4 * channels), ssm: tensor(1, inner * dims.stateSize) };
}

/** Columns [first, first + count) of rows of `width`. */
export function columnsOf(values: Float32Array, width: number, first: number, count: number): Float32Array {
  return values.filter((_, index) => index % width >= first && index % width < first + count);
}

/** The reference from the output of in_proj, u (T, projected), to the input of out_proj. */
export function mixerReference(
  u: Float32Array,
  vectors: MixerVectors,
  state: MixerState,
  dims: Mamba2Dims,
  position: number,
) {
  const { inner, channels, projected } = mamba2Widths(dims);
  const grouped = dims.groups * dims.stateSize;
  const raw = columnsOf(u, projected, inner, channels);
  const conv = conv1d(raw, vectors.convWeight, vectors.convBias, state.conv, position);
  const scan = scanReference(conv.v, columnsOf(u, projected, inner + channels, dims.heads), vectors, state.ssm, dims);
  const z = columnsOf(u, projected, 0, inner);
  /** (T, I): y * silu(z), before the norm. */
  const gated = scan.y.map((value, i) => (value * z[i]!) / (1 + Math.exp(-z[i]!)));
  const normed = (weight: Float32Array, groups: number, eps: number) =>
    rmsNormGated(scan.y, z, weight, { groups, eps });
  return { v: conv.v, conv: conv.state, y: scan.y, ssm: scan.state, gated, normed, grouped };
}

/** The reference from conv's output v (T, channels) and raw dt (T, H). */
export function scanReference(
  v: ArrayLike<number>,
  dtRaw: ArrayLike<number>,
  { dtBias, a, d }: Pick<MixerVectors, 'dtBias' | 'a' | 'd'>,
  ssm: ArrayLike<number>,
  dims: Mamba2Dims,
) {
  const { inner, channels } = mamba2Widths(dims);
  const grouped = dims.groups * dims.stateSize;
  const limit = { lo: dims.dtLo, hi: dims.dtHi };
  const values = Float64Array.from(v);
  const part = (first: number, count: number) =>
    values.filter((_, index) => index % channels >= first && index % channels < first + count);
  const inputs = {
    x: part(0, inner),
    b: part(inner, grouped),
    c: part(inner + grouped, grouped),
    dt: Float64Array.from(dtRaw, (value, i) => timeStep(value, dtBias[i % dims.heads]!, limit)),
    a,
    d,
  };
  return ssdRecurrence(inputs, ssm, dims);
}
