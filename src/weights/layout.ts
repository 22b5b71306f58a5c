import type { Scheme } from './types.ts';

// The byte layout of a tensor, the same in a package, in IndexedDB and on the GPU, so that loading is copying:
//
//   plain tensor        its elements, f32, row-major
//   matrix (R, C)       R rows of weights, each padded with zeros to a multiple of 16 bytes;
//                       then, for int8 and fp8, R scales, f32: weight = stored value * scale of its row
//   tensor              padded with zeros to a multiple of 16 bytes
//
// Tensors start at multiples of 256 in the stream, WebGPU's storage buffer offset alignment.

export const TENSOR_ALIGNMENT = 256;

const BYTES_PER_WEIGHT: Record<Scheme, number> = { f32: 4, f16: 2, int8: 1, fp8: 1 };

export function alignTo(value: number, alignment: number): number {
  return Math.ceil(value / alignment) * alignment;
}

export function hasRowScales(scheme: Scheme): boolean {
  return scheme === 'int8' || scheme === 'fp8';
}

/** Bytes of one row of weights, without its scale. */
export function rowBytes(scheme: Scheme, columns: number): number {
  return alignTo(columns * BYTES_PER_WEIGHT[scheme], 16);
}

/** Bytes of the matrix (rows, columns): all weights, then all scales. */
export function matrixBytes(scheme: Scheme, rows: number, columns: number): number {
  return alignTo(rows * rowBytes(scheme, columns) + (hasRowScales(scheme) ? rows * 4 : 0), 16);
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
