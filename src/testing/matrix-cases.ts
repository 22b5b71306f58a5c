import fc from 'fast-check';
import { matmul } from '../reference/matmul.ts';
import type { Scheme } from '../weights/types.ts';
import { alignTo, matrixBytes, rowBytes } from '../weights/layout.ts';
import { randomTensor, seeds, sizes } from './arbitrary.ts';
import { expBound, magnitudes, sumBound } from './bounds.ts';

// What tests of kernels with a weight matrix have in common: shapes, stored values, and how near the result must be.

/** A matrix and its input; both are drawn from the seed. */
export interface MatrixCase {
  seed: number;
  rows: number;
  /** A multiple of 4. */
  columns: number;
  tokens: number;
  /** Rows of the parts but the last; empty for one part. */
  partRows: number[];
}

/**
 * Cases around the tile of a kernel: `rows` and `columns4` (columns / 4) and `tokens`, each with the tile that the kernel
 * has there. `rowsEven` for gate and up rows in turn.
 */
export function matrixCases(options: {
  rows: { tile: number; most: number };
  columns4: { tile: number; most: number };
  tokens?: { tile: number; most: number };
  rowsEven?: boolean;
}): fc.Arbitrary<MatrixCase> {
  const step = options.rowsEven ? 2 : 1;
  return fc
    .record({
      seed: seeds(),
      rows: sizes(options.rows),
      columns4: sizes(options.columns4),
      tokens: sizes(options.tokens ?? { tile: 1, most: 1 }),
      split: fc.option(sizes(options.rows), { nil: 0 }),
    })
    .map(({ seed, rows, columns4, tokens, split }) => ({
      seed,
      rows: rows * step,
      columns: columns4 * 4,
      tokens,
      partRows: split > 0 && split < rows ? [split * step] : [],
    }));
}

/** Input (tokens, columns) and weights (rows, columns) of a case, before the weights are quantized. */
export function matrixInputs({ seed, rows, columns, tokens }: MatrixCase) {
  return { x: randomTensor(seed, tokens * columns), values: randomTensor(seed + 1, rows * columns, 0.1) };
}

/** How far an f32 product x . W^T may be off, element by element: (tokens, rows). */
export function productBounds(x: ArrayLike<number>, weights: ArrayLike<number>, columns: number): Float64Array {
  // Twice the terms: an input that was normed before carries the error of a sum of its own.
  return matmul(magnitudes(x), magnitudes(weights), columns).map((sum) => sum * sumBound(2 * columns));
}

/**
 * How far a product may be off whose factors were both rounded to f16: 2^-11 each of normal numbers, and 2^-25 at most
 * of the other factor where one is subnormal.
 */
export function halfProductBounds(x: ArrayLike<number>, weights: ArrayLike<number>, columns: number): Float64Array {
  const tiny = 2 ** -25;
  const product = matmul(magnitudes(x), magnitudes(weights), columns);
  const ofInput = matmul(magnitudes(x), new Float64Array(weights.length).fill(tiny), columns);
  const ofWeights = matmul(new Float64Array(x.length).fill(tiny), magnitudes(weights), columns);
  return product.map((sum, i) => sum * (2.1 * 2 ** -11 + sumBound(columns)) + ofInput[i]! + ofWeights[i]!);
}

/** How far silu(gate) * up may be off, for interleaved gates and ups that are off by `bounds`. */
export function swigluBounds(gateUp: Float64Array, bounds: Float64Array): Float64Array {
  return Float64Array.from({ length: gateUp.length / 2 }, (_, f) => {
    const [gate, up] = [gateUp[2 * f]!, gateUp[2 * f + 1]!];
    const silu = gate / (1 + Math.exp(-gate));
    // The slope of silu is at most 1.1.
    return (
      Math.abs(silu) * bounds[2 * f + 1]! + 1.1 * Math.abs(up) * bounds[2 * f]! + Math.abs(silu * up) * expBound(gate)
    );
  });
}

/**
 * A matrix with every finite value that a scheme can store, at least once, one row of scale 1 after the other: bytes of
 * the layout. `columns` is a multiple of 16.
 */
export function everyStoredValue(scheme: Exclude<Scheme, 'f32'>, columns: number): { bytes: Uint8Array; rows: number } {
  const codes = finiteCodes(scheme);
  const rows = Math.ceil(codes.length / columns);
  const bytes = new Uint8Array(matrixBytes(scheme, rows, columns));
  const stride = rowBytes(scheme, columns);
  const width = scheme === 'f16' ? 2 : 1;
  const view = new DataView(bytes.buffer);
  for (let index = 0; index < alignTo(codes.length, columns); index++) {
    const code = codes[index % codes.length]!;
    const at = Math.floor(index / columns) * stride + (index % columns) * width;
    if (width === 2) view.setUint16(at, code, true);
    else view.setUint8(at, code);
  }
  if (scheme !== 'f16') for (let row = 0; row < rows; row++) view.setFloat32(rows * stride + row * 4, 1, true);
  return { bytes, rows };
}

function finiteCodes(scheme: Exclude<Scheme, 'f32'>): number[] {
  const all = Array.from({ length: scheme === 'f16' ? 0x10000 : 0x100 }, (_, code) => code);
  if (scheme === 'f16') return all.filter((code) => (code & 0x7c00) !== 0x7c00);
  // 0x7f and 0xff are NaN in E4M3FN; no package contains them.
  return scheme === 'fp8' ? all.filter((code) => (code & 0x7f) !== 0x7f) : all;
}
