import fc from 'fast-check';
import type { GpuFeatures } from '../../gpu/device.ts';
import { matmul } from '../../reference/matmul.ts';
import { QUANTIZED_GROUP } from '../../reference/quantize_rows.ts';
import { int4Group } from '../../weights/int4.ts';
import { alignTo, INT4_GROUP, matrixBytes, rowBytes, scaleBytesPerRow } from '../../weights/layout.ts';
import type { Scheme } from '../../weights/types.ts';
import { randomTensor, seeds, sizes } from '../arbitrary.ts';
import { expBound, HALF_ULP, magnitudes, sumBound } from './bounds.ts';

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
 * has there. `rowsEven` for gate and up rows in turn, `rowsByFour` where a kernel needs a multiple of 4.
 */
export function matrixCases(options: {
  rows: { tile: number; most: number };
  columns4: { tile: number; most: number };
  tokens?: { tile: number; most: number };
  rowsEven?: boolean;
  rowsByFour?: boolean;
}): fc.Arbitrary<MatrixCase> {
  const step = options.rowsByFour ? 4 : options.rowsEven ? 2 : 1;
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
 * How far a product of integers may be off, element by element: (tokens, rows). Columns that share all scales are summed
 * exactly. What a term then passes through are the sums of the groups of x, and with int4 those of the four groups of
 * weights in its own; each rounds at most twice, for a scale and for a sum. A few are around.
 */
export function integerProductBounds(
  x: ArrayLike<number>,
  { scheme, weights, columns }: { scheme: string; weights: ArrayLike<number>; columns: number },
): Float64Array {
  const sums = Math.ceil(columns / QUANTIZED_GROUP) + (scheme === 'int4' ? QUANTIZED_GROUP / INT4_GROUP : 0);
  return matmul(magnitudes(x), magnitudes(weights), columns).map((sum) => sum * (2 * sums + 4) * HALF_ULP);
}

/**
 * How far a product of rounded columns may be off, element by element: (tokens, rows). A block of 16 columns is summed
 * exactly, or two of int4; upper and lower digits are together at most three times as large as the number. Then there is a
 * rounding for the scale of weights, and one for each block that is added to a sum; a few are around.
 */
export function columnProductBounds(
  x: ArrayLike<number>,
  { weights, columns }: { weights: ArrayLike<number>; columns: number },
): Float64Array {
  const roundings = Math.ceil(columns / 16) + 8;
  return matmul(magnitudes(x), magnitudes(weights), columns).map((sum) => sum * roundings * HALF_ULP);
}

/**
 * How far an f32 product may be off whose input became fixed point of 16 bits, in groups of 32 columns: (rows). Each input
 * is rounded to a multiple of a 32,639th of its group's largest.
 */
export function fixedPointBounds(x: ArrayLike<number>, weights: ArrayLike<number>, columns: number): Float64Array {
  const amounts = magnitudes(x);
  const rounding = amounts.map((_, column) => {
    const group = column - (column % INT4_GROUP);
    return (0.51 / 32_639) * Math.max(...amounts.subarray(group, group + INT4_GROUP));
  });
  const rounded = matmul(rounding, magnitudes(weights), columns);
  return productBounds(x, weights, columns).map((bound, row) => bound + rounded[row]!);
}

/** Devices that take fixed point, with memory for all columns and for few at a time; none where there are no subgroups. */
export function fixedPointFeatures(features: GpuFeatures): GpuFeatures[] {
  if (!features.subgroups) return [];
  const fixed = { ...features, fixedPoint: true };
  return [fixed, { ...fixed, workgroupBytes: 2048, maxInvocations: 4 * features.subgroupSize }];
}

/**
 * How far a product of digits may be off, element by element: (tokens, rows). All columns are summed exactly, products of
 * upper digits by themselves; both sums are together at most three times as large as the terms, eight times with weights of
 * two digits. Each is rounded, then their sum, and for two scales.
 */
export function digitProductBounds(
  x: ArrayLike<number>,
  { scheme, weights, columns }: { scheme: string; weights: ArrayLike<number>; columns: number },
): Float64Array {
  const roundings = scheme === 'int4' ? 20 : 8;
  return matmul(magnitudes(x), magnitudes(weights), columns).map((sum) => sum * roundings * HALF_ULP);
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
 * How large each weight of a matrix gets while kernels compute with it, (rows, columns): for int4, of which they sum
 * scale * stored and the minimum apart, the sum of both.
 */
export function computedMagnitudes(
  scheme: Scheme,
  bytes: Uint8Array,
  weights: Float32Array,
  columns: number,
): Float32Array {
  if (scheme !== 'int4') return weights.map(Math.abs);
  const rows = weights.length / columns;
  const scaleBytes = scaleBytesPerRow(scheme, columns);
  return weights.map((weight, index) => {
    const row = Math.floor(index / columns);
    const scales = bytes.subarray(rows * rowBytes(scheme, columns) + row * scaleBytes).subarray(0, scaleBytes);
    const rowScale = new DataView(scales.buffer, scales.byteOffset).getFloat32(0, true);
    const { scale, zero } = int4Group(scales, Math.floor((index % columns) / INT4_GROUP));
    return weight + 2 * rowScale * scale * zero;
  });
}

/**
 * A matrix with every finite value that a scheme can store, at least once, one row of scale 1 after the other: bytes of
 * the layout. `columns` is a multiple of 16, for int4 of 32, which has every stored value with every zero point, and
 * scales with every exponent and every mantissa.
 */
export function everyStoredValue(scheme: Exclude<Scheme, 'f32'>, columns: number): { bytes: Uint8Array; rows: number } {
  if (scheme === 'int4') return everyInt4Value(columns);
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

/** A matrix of one row, all of the least integer of its scheme and of scale 1: -128, or 0 of int4 less 15.5. */
export function leastStoredRow(scheme: 'int8' | 'int4', columns: number): Uint8Array {
  const bytes = new Uint8Array(matrixBytes(scheme, 1, columns)).fill(scheme === 'int8' ? 0x80 : 0);
  const scales = new DataView(bytes.buffer, rowBytes(scheme, columns));
  scales.setFloat32(0, 1, true);
  const groups = scheme === 'int4' ? columns / INT4_GROUP : 0;
  for (let group = 0; group < groups; group++) scales.setUint16(4 + 2 * group, (31 << 11) | 31, true);
  return bytes;
}

function everyInt4Value(columns: number): { bytes: Uint8Array; rows: number } {
  const scheme = 'int4';
  const groups = columns / INT4_GROUP;
  const rows = Math.ceil(64 / groups);
  const bytes = new Uint8Array(matrixBytes(scheme, rows, columns));
  const view = new DataView(bytes.buffer);
  for (let row = 0; row < rows; row++) {
    const scalesAt = rows * rowBytes(scheme, columns) + row * scaleBytesPerRow(scheme, columns);
    view.setFloat32(scalesAt, 1, true);
    for (let index = 0; index < groups; index++) {
      const group = row * groups + index;
      view.setUint16(scalesAt + 4 + 2 * index, ((group % 32) << 11) | ((group % 64) << 5) | ((5 * group) % 32), true);
      const at = row * rowBytes(scheme, columns) + index * 16;
      for (let i = 0; i < 16; i++) bytes[at + i] = i | (((i + 5) % 16) << 4);
    }
  }
  return { bytes, rows };
}

function finiteCodes(scheme: Exclude<Scheme, 'f32' | 'int4'>): number[] {
  const all = Array.from({ length: scheme === 'f16' ? 0x10000 : 0x100 }, (_, code) => code);
  if (scheme === 'f16') return all.filter((code) => (code & 0x7c00) !== 0x7c00);
  // 0x7f and 0xff are NaN in E4M3FN; no package contains them.
  return scheme === 'fp8' ? all.filter((code) => (code & 0x7f) !== 0x7f) : all;
}
