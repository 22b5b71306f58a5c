import { type BufferSlice, slice } from '../gpu/buffers.ts';
import type { GpuFeatures } from '../gpu/device.ts';
import { takesScheme } from '../gpu/kernel.ts';
import type { DispatchSpec } from '../gpu/plan.ts';
import { shaderLibrary } from '../kernels/library.ts';
import type { Matrix } from '../kernels/matrix.ts';
import { matmul } from '../kernels/matmul.ts';
import { matmulAdd } from '../kernels/matmul_add.ts';
import { matmulInt8, matmulInt8Kernel } from '../kernels/matmul_int8.ts';
import { matmulInt8Add } from '../kernels/matmul_int8_add.ts';
import { matmulInt8Swiglu } from '../kernels/matmul_int8_swiglu.ts';
import { matmulSwiglu } from '../kernels/matmul_swiglu.ts';
import { quantizedRowSizes, type QuantizedRows, quantizeRows } from '../kernels/quantize_rows.ts';
import type { Activations } from './activations.ts';

// Matrix products of prefill. Where there is memory for `quantized` rows, and the matrix is of a scheme that is one of
// integers, the input is rounded to int8, and the product is one of integers. Mixtures of experts have products of their
// own, in f32.

/** What all products of a pass share: a part of its scope. */
export interface Products {
  features: GpuFeatures;
  activations: Pick<Activations, 'quantized' | 'tokens'>;
}

/** Input (T, C), weights (rows, C), output. */
export interface ProductBuffers {
  x: BufferSlice;
  weights: Matrix;
  y: BufferSlice;
}

/** Whether x comes out of a norm: half-precision tiles are used for such inputs only. */
export interface ProductOptions {
  normed: boolean;
}

type OfFloats = (
  features: GpuFeatures,
  label: string,
  buffers: ProductBuffers,
  options: ProductOptions,
) => DispatchSpec[];
type OfIntegers = (
  features: GpuFeatures,
  label: string,
  buffers: QuantizedRows & { weights: Matrix; y: BufferSlice },
) => DispatchSpec[];

function either(ofFloats: OfFloats, ofIntegers: OfIntegers) {
  return (
    { features, activations }: Products,
    label: string,
    buffers: ProductBuffers,
    options: ProductOptions,
  ): DispatchSpec[] => {
    const { x, weights, y } = buffers;
    const { quantized, tokens } = activations;
    if (!quantized || !takesScheme(matmulInt8Kernel, shaderLibrary, weights.scheme)) {
      return ofFloats(features, label, buffers, options);
    }
    const { words, scales } = quantizedRowSizes(weights.columns);
    const rows = {
      x: slice(quantized.x.buffer, 0, tokens * words * 4),
      x_scale: slice(quantized.x_scale.buffer, 0, tokens * scales * 4),
    };
    return [
      quantizeRows(features, label, x, rows, weights.columns),
      ...ofIntegers(features, label, { ...rows, weights, y }),
    ];
  };
}

/** y = x . W^T; y (T, rows). */
export const project = either(matmul, matmulInt8);

/** y += x . W^T; y (T, rows). */
export const projectAdd = either(matmulAdd, matmulInt8Add);

/** y[t, f] = silu(x[t] . W[2f]) * (x[t] . W[2f+1]); gate and up rows in turn, y (T, rows / 2). */
export const projectSwiglu = either(matmulSwiglu, matmulInt8Swiglu);
