import type { Mamba1Dims } from '../../kernels/mamba1/mamba1-shape.ts';
import { selectiveScan } from '../../reference/selective_scan.ts';
import { softplus } from '../../reference/softplus.ts';
import { randomTensor } from '../arbitrary.ts';

// Scans of Mamba-1 mixers of small sizes, and what the reference makes of them.

/** State and rank of Falcon-Mamba's heads, and odd ones; I, N, R. */
export const MAMBA1_SHAPES: readonly Mamba1Dims[] = [
  [64, 16, 8],
  [20, 16, 256],
  [8, 4, 4],
  [12, 20, 12],
  [4, 256, 4],
  [24, 8, 6],
].map(([inner, stateSize, dtRank]) => ({ inner: inner!, stateSize: stateSize!, dtRank: dtRank!, heads: 1 }));

/** Vectors of a scan, in f32. */
export interface ScanVectors {
  /** (I) */
  dtBias: Float32Array;
  /** (I, N) */
  a: Float32Array;
  /** (I) */
  d: Float32Array;
}

/** Random vectors; `a` spans the magnitudes of trained models, from 1e-3 to 16. */
export function scanVectors(seed: number, { inner, stateSize }: Mamba1Dims): ScanVectors {
  return {
    dtBias: randomTensor(seed, inner).map((value) => value - 2),
    a: randomTensor(seed + 1, inner * stateSize, 3).map((value) => -Math.min(16, Math.exp(value))),
    d: randomTensor(seed + 2, inner),
  };
}

/** Inputs of the scan of all tokens, before softplus. */
export interface ScanTokens {
  /** (T, I) */
  x: ArrayLike<number>;
  dtRaw: ArrayLike<number>;
  z: ArrayLike<number>;
  /** (T, N) */
  b: ArrayLike<number>;
  c: ArrayLike<number>;
}

/** The reference's output (T, I) and state from `ssm` (I, N), of so many heads side by side; b and c are those of all. */
export function gatedScan({ dtRaw, ...tokens }: ScanTokens, vectors: ScanVectors, ssm: ArrayLike<number>, heads = 1) {
  const { dtBias, a, d } = vectors;
  const I = d.length;
  const N = a.length / I;
  const dt = Float64Array.from(dtRaw, (value, index) => softplus(value + dtBias[index % I]!));
  if (heads === 1) return selectiveScan({ ...tokens, dt, a, d }, ssm);
  const own = I / heads;
  const T = dt.length / I;
  const out = { y: new Float64Array(T * I), state: new Float64Array(I * N) };
  for (let head = 0; head < heads; head++) {
    const part = (values: ArrayLike<number>, width: number, each: number) =>
      Float64Array.from({ length: (values.length / width) * each }, (_, index) => {
        return values[Math.floor(index / each) * width + head * each + (index % each)]!;
      });
    const { x, z, b, c } = tokens;
    const scan = selectiveScan(
      {
        x: part(x, I, own),
        dt: part(dt, I, own),
        z: part(z, I, own),
        b: part(b, heads * N, N),
        c: part(c, heads * N, N),
        a: part(a, I * N, own * N),
        d: part(d, I, own),
      },
      part(ssm, I * N, own * N),
    );
    for (const [index, value] of scan.y.entries())
      out.y[Math.floor(index / own) * I + head * own + (index % own)] = value;
    out.state.set(scan.state, head * own * N);
  }
  return out;
}

/** Rows of `left` and `right`, of so many columns each, side by side. */
export function beside(left: Float32Array, leftColumns: number, right: Float32Array, rightColumns: number) {
  const rows = left.length / leftColumns;
  const out = new Float32Array(left.length + right.length);
  for (let row = 0; row < rows; row++) {
    const at = row * (leftColumns + rightColumns);
    out.set(left.subarray(row * leftColumns, (row + 1) * leftColumns), at);
    out.set(right.subarray(row * rightColumns, (row + 1) * rightColumns), at + leftColumns);
  }
  return out;
}
