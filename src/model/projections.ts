import { type BufferSlice, slice } from '../gpu/buffers.ts';
import type { GpuFeatures } from '../gpu/device.ts';
import type { DispatchSpec } from '../gpu/plan.ts';
import { isOfIntegers, type Matrix } from '../kernels/projections/matrix.ts';
import { f32Product } from '../kernels/projections/matmul.ts';
import { int8Product } from '../kernels/projections/matmul_int8.ts';
import { subgroupMatrixProduct, takesSubgroupMatrices } from '../kernels/projections/matmul_subgroup_matrix.ts';
import type { PassLength } from '../kernels/shared/pass-length.ts';
import { type Action, multiplyRows, type Product } from '../kernels/projections/projection.ts';
import { quantizedRowSizes, type QuantizedRows, quantizeRows } from '../kernels/projections/quantize_rows.ts';
import { quantizedRowInt16Sizes, quantizeRowsInt16 } from '../kernels/projections/quantize_rows_int16.ts';
import type { Activations } from './activations.ts';

// Which product of prefill multiplies a matrix. Mixtures of experts have products of their own, in f32.

/** What all products of a pass share: a part of its scope. */
export interface Products {
  features: GpuFeatures;
  pass: PassLength;
  activations: Pick<Activations, 'quantized' | 'quantizedInt16' | 'tokens'>;
}

/** Input (T, C), weights (rows, C), output. */
export interface ProductBuffers {
  x: BufferSlice;
  weights: Matrix;
  y: BufferSlice;
}

export interface ProductOptions {
  /** Whether x comes out of a norm: half-precision tiles are used for such inputs only. */
  normed: boolean;
  /** By default `set`. */
  action?: Action;
}

/** How an input becomes one of integers. */
interface Rounding {
  /** Memory for it. */
  to: QuantizedRows;
  /** Words and scales of a row. */
  sizes: typeof quantizedRowSizes;
  dispatch: typeof quantizeRows;
}

/**
 * The product for a matrix, and how its input is rounded. Long passes multiply subgroup matrices where there is memory for
 * inputs of 16 bits; where there is memory for inputs of int8, all passes multiply those. Both need weights of integers.
 */
function productFor(
  { features, pass, activations: { quantized, quantizedInt16 } }: Products,
  weights: Matrix,
): { product: Product; rounding: Rounding | null } {
  if (pass === 'long' && quantizedInt16 && takesSubgroupMatrices(features, weights)) {
    const rounding = { to: quantizedInt16, sizes: quantizedRowInt16Sizes, dispatch: quantizeRowsInt16 };
    return { product: subgroupMatrixProduct, rounding };
  }
  if (quantized && isOfIntegers(weights)) {
    return { product: int8Product, rounding: { to: quantized, sizes: quantizedRowSizes, dispatch: quantizeRows } };
  }
  return { product: f32Product, rounding: null };
}

/** s = x . W^T of all tokens of a pass, and what becomes of s: y (T, rows), or (T, rows / 2) for SwiGLU. */
export function project(
  products: Products,
  label: string,
  { x, weights, y }: ProductBuffers,
  { normed, action = 'set' }: ProductOptions,
): DispatchSpec[] {
  const { features, pass, activations } = products;
  const { product, rounding } = productFor(products, weights);
  const projection = { product, action };
  if (!rounding) return multiplyRows(features, label, projection, { x, weights, y }, { pass, normed });
  const { to, sizes, dispatch } = rounding;
  const { columns } = weights;
  const { words, scales } = sizes(columns);
  const rows = {
    x: slice(to.x.buffer, 0, activations.tokens * words * 4),
    x_scale: slice(to.x_scale.buffer, 0, activations.tokens * scales * 4),
  };
  return [
    dispatch(features, label, x, rows, columns),
    ...multiplyRows(features, label, projection, { ...rows, weights, y }, { pass, normed }),
  ];
}
