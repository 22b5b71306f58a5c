import { type BufferSlice, slice } from '../gpu/buffers.ts';
import type { GpuFeatures } from '../gpu/device.ts';
import type { DispatchSpec } from '../gpu/plan.ts';
import { isOfIntegers, type Matrix } from '../kernels/matrix.ts';
import { matmul } from '../kernels/matmul.ts';
import { matmulAdd } from '../kernels/matmul_add.ts';
import { matmulInt8 } from '../kernels/matmul_int8.ts';
import { matmulInt8Add } from '../kernels/matmul_int8_add.ts';
import { matmulInt8Swiglu } from '../kernels/matmul_int8_swiglu.ts';
import { matmulMatrices, matmulMatricesAdd, matmulMatricesSwiglu, takesMatrix } from '../kernels/matmul_matrices.ts';
import { matmulSwiglu } from '../kernels/matmul_swiglu.ts';
import { quantizedRowSizes, type QuantizedRows, quantizeRows } from '../kernels/quantize_rows.ts';
import { quantizedRow16Sizes, quantizeRows16 } from '../kernels/quantize_rows_16.ts';
import type { Activations } from './activations.ts';

// Matrix products of prefill. Where there is memory for `quantized` rows, and the matrix is of a scheme that is one of
// integers, the input is rounded to int8, and the product is one of integers. Where there is memory for `quantized16`
// rows, passes that are longer than short tiles are for multiply subgroup matrices, by inputs of 16 bits. Mixtures of
// experts have products of their own, in f32.

/** What all products of a pass share: a part of its scope. */
export interface Products {
  features: GpuFeatures;
  activations: Pick<Activations, 'quantized' | 'quantized16' | 'tokens'>;
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

function product(ofFloats: OfFloats, ofIntegers: OfIntegers, ofMatrices: OfIntegers) {
  return (products: Products, label: string, buffers: ProductBuffers, options: ProductOptions): DispatchSpec[] => {
    const { features, activations } = products;
    const { x, weights, y } = buffers;
    const { quantized, quantized16, tokens } = activations;
    const { columns } = weights;
    const integers = (
      to: QuantizedRows,
      sizes: typeof quantizedRowSizes,
      quantize: typeof quantizeRows,
      of: OfIntegers,
    ) => {
      const { words, scales } = sizes(columns);
      const rows = {
        x: slice(to.x.buffer, 0, tokens * words * 4),
        x_scale: slice(to.x_scale.buffer, 0, tokens * scales * 4),
      };
      return [quantize(features, label, x, rows, columns), ...of(features, label, { ...rows, weights, y })];
    };
    const specs =
      quantized && isOfIntegers(weights)
        ? integers(quantized, quantizedRowSizes, quantizeRows, ofIntegers)
        : ofFloats(features, label, buffers, options);
    if (!quantized16 || !takesMatrix(features, weights)) return specs;
    return withLonger(specs, integers(quantized16, quantizedRow16Sizes, quantizeRows16, ofMatrices));
  };
}

/** Dispatches of short passes, those of `longer` in their place in longer ones. Both end with the parts of a matrix. */
function withLonger(short: readonly DispatchSpec[], longer: readonly DispatchSpec[]): DispatchSpec[] {
  const most = short.at(-1)?.upTo?.tokens ?? 0;
  const ahead = longer.length - short.length;
  return longer.map((next, index) => {
    const spec = short[index - ahead];
    // What only longer passes do takes no workgroup in short ones.
    return { ...(spec ?? { ...next, grid: [0, 1, 1] }), upTo: { tokens: most, next } };
  });
}

/** y = x . W^T; y (T, rows). */
export const project = product(matmul, matmulInt8, matmulMatrices);

/** y += x . W^T; y (T, rows). */
export const projectAdd = product(matmulAdd, matmulInt8Add, matmulMatricesAdd);

/** y[t, f] = silu(x[t] . W[2f]) * (x[t] . W[2f+1]); gate and up rows in turn, y (T, rows / 2). */
export const projectSwiglu = product(matmulSwiglu, matmulInt8Swiglu, matmulMatricesSwiglu);
