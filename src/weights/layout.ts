import type { Scheme } from './types.ts';

// The byte layout of a tensor, the same in a package, in IndexedDB and on the GPU, so that loading is copying:
//
//   plain tensor        its elements, f32, row-major
//   matrix (R, C)       R rows of weights, each padded with zeros to a multiple of 16 bytes;
//                       then R rows of scales: none for f32 and f16, a scale each, f32, for int8 and fp8
//                       (weight = stored value * scale of its row), those of int4.ts for int4
//   tensor              padded with zeros to a multiple of 16 bytes
//
// Tensors start at multiples of 256 in the stream, WebGPU's storage buffer offset alignment.

export const TENSOR_ALIGNMENT = 256;

/** Weights of int4 that share a scale: what 16 bytes hold. */
export const INT4_GROUP = 32;

const BYTES_PER_WEIGHT: Record<Scheme, number> = { f32: 4, f16: 2, int8: 1, fp8: 1, int4: 0.5 };

export function alignTo(value: number, alignment: number): number {
  return Math.ceil(value / alignment) * alignment;
}

/** Bytes of one row of weights, without its scales. */
export function rowBytes(scheme: Scheme, columns: number): number {
  return alignTo(columns * BYTES_PER_WEIGHT[scheme], 16);
}

/** Bytes of one row of scales, a multiple of 4. For int4 an f32, then two bytes a group. */
export function scaleBytesPerRow(scheme: Scheme, columns: number): number {
  if (scheme === 'int4') return 4 + alignTo(2 * Math.ceil(columns / INT4_GROUP), 4);
  return scheme === 'int8' || scheme === 'fp8' ? 4 : 0;
}

/** Bytes of the matrix (rows, columns): all weights, then all scales. */
export function matrixBytes(scheme: Scheme, rows: number, columns: number): number {
  return alignTo(rows * (rowBytes(scheme, columns) + scaleBytesPerRow(scheme, columns)), 16);
}

/** Bytes of a plain f32 tensor of any shape. */
export function plainBytes(shape: readonly number[]): number {
  return alignTo(shape.reduce((product, size) => product * size, 1) * 4, 16);
}

/**
 * Bytes of a tensor in a package: a matrix for two dimensions, plain for one. A plain tensor of two dimensions has rows
 * of a multiple of 16 bytes, so that both ways to see it are one.
 */
export function tensorBytes(scheme: Scheme, shape: readonly number[]): number {
  const [rows, columns] = shape;
  return shape.length === 2 ? matrixBytes(scheme, rows as number, columns as number) : plainBytes(shape);
}
