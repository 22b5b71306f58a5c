import { type DeltaDims, deltaWidths } from '../../kernels/gated_delta/delta-shape.ts';
import { conv1d } from '../../reference/conv1d.ts';
import { correctionStrength, gatedDelta, logDecay } from '../../reference/gated_delta.ts';
import { randomTensor } from '../arbitrary.ts';

// Gated delta mixers of small sizes, and what the reference makes of them.

/** Odd widths, keys that value heads share, and the head of Qwen 3.5. */
export const DELTA_SHAPES: readonly DeltaDims[] = [
  [2, 4, 16, 16, 1],
  [1, 1, 12, 24, 2],
  [1, 2, 128, 128, 1],
].map(([keyHeads, valueHeads, keyDim, valueDim, betaScale]) => ({
  keyHeads: keyHeads!,
  valueHeads: valueHeads!,
  keyDim: keyDim!,
  valueDim: valueDim!,
  betaScale: betaScale!,
}));

/** Weights of a mixer between its projections, in f32. */
export interface DeltaVectors {
  /** (channels, 4) */
  convWeight: Float32Array;
  /** (H) */
  dtBias: Float32Array;
  /** (H), negative */
  a: Float32Array;
}

/** Random vectors; `a` spans the magnitudes of trained models, up to 16. */
export function deltaVectors(seed: number, dims: DeltaDims): DeltaVectors {
  return {
    convWeight: randomTensor(seed, 4 * deltaWidths(dims).channels, 0.5),
    dtBias: randomTensor(seed + 1, dims.valueHeads).map((value) => value - 2),
    a: randomTensor(seed + 2, dims.valueHeads, 2).map((value) => -Math.min(16, Math.exp(value))),
  };
}

/** dt_bias, then a. */
export function deltaHeads({ dtBias, a }: DeltaVectors): Float32Array {
  return Float32Array.of(...dtBias, ...a);
}

/** Columns [first, first + count) of rows of `width`. */
function columnsOf(values: ArrayLike<number>, width: number, first: number, count: number): Float64Array {
  return Float64Array.from({ length: (values.length / width) * count }, (_, index) => {
    return values[Math.floor(index / count) * width + first + (index % count)]!;
  });
}

/** What of v (T, channels) behind the convolution and of u (T, projected) the recurrence takes. */
export function deltaInputs(v: ArrayLike<number>, u: ArrayLike<number>, { dtBias, a }: DeltaVectors, dims: DeltaDims) {
  const { keys, values, channels, projected } = deltaWidths(dims);
  const H = dims.valueHeads;
  const gates = values + channels;
  return {
    q: columnsOf(v, channels, 0, keys),
    k: columnsOf(v, channels, keys, keys),
    v: columnsOf(v, channels, 2 * keys, values),
    beta: columnsOf(u, projected, gates, H).map((raw) => correctionStrength(raw, dims.betaScale)),
    g: columnsOf(u, projected, gates + H, H).map((raw, index) => logDecay(raw, dtBias[index % H]!, a[index % H]!)),
  };
}

/** The reference's output (T, H, valueDim) and states behind tokens u (T, projected). */
export function deltaMixer(
  u: ArrayLike<number>,
  vectors: DeltaVectors,
  dims: DeltaDims,
  state: { conv: ArrayLike<number>; ssm: ArrayLike<number>; position: number },
) {
  const { values, channels, projected } = deltaWidths(dims);
  const raw = columnsOf(u, projected, values, channels);
  const conv = conv1d(raw, vectors.convWeight, new Float64Array(channels), state.conv, state.position);
  const { o, state: ssm } = gatedDelta(deltaInputs(conv.v, u, vectors, dims), state.ssm, dims);
  return { o, ssm, conv: conv.state };
}
