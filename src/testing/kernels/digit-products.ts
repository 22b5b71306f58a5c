import { matmul } from '../../reference/matmul.ts';
import { scaleBytesPerRow } from '../../weights/layout.ts';
import { quantizeRows } from '../../weights/quantize.ts';
import type { TestGpu, TestMatrix } from './device.ts';
import type { TestRows } from './quantized-rows.ts';

// What products through subgroup matrices are, exactly: of integers in digits of int8.

/** A matrix with the scales of its rows, which are powers of two where weights are int4. */
export interface DigitMatrix {
  weights: TestMatrix;
  rowScales: Float64Array;
}

/** See `TestGpu.matrix`. */
export function digitMatrix(
  gpu: TestGpu,
  scheme: 'int8' | 'int4',
  values: Float32Array,
  columns: number,
  partRows: readonly number[] = [],
): DigitMatrix {
  const { scales } = quantizeRows(scheme, values, columns, { name: 'test' });
  const view = new DataView(scales.buffer, scales.byteOffset);
  const stride = scaleBytesPerRow(scheme, columns);
  const rowScales = Float64Array.from({ length: values.length / columns }, (_, row) =>
    view.getFloat32(row * stride, true),
  );
  return { weights: gpu.matrix(scheme, values, columns, partRows), rowScales };
}

/**
 * x . W^T, (tokens, rows). Weights of int4 are 1024 times what they are by their row's scale, rounded; they have two digits,
 * and products of both lower digits are left out.
 */
export function digitProduct({ values, scales }: TestRows, { weights, rowScales }: DigitMatrix): Float64Array {
  const { columns, rows, scheme } = weights;
  if (scheme !== 'int4') return matmul(values, weights.weights, columns);
  const whole = Float64Array.from(weights.weights, (weight, index) =>
    Math.floor((1024 * weight) / (rowScales[Math.floor(index / columns)]! || 1) + 0.5),
  );
  const stored = values.map((value, index) => Math.round(value / scales[Math.floor(index / columns)]!));
  const lower = matmul(stored.map(lowerDigit), whole.map(lowerDigit), columns);
  return matmul(values, whole, columns).map((sum, index) => {
    const scale = scales[Math.floor(index / rows)]!;
    return ((sum - scale * lower[index]!) * rowScales[index % rows]!) / 1024;
  });
}

function lowerDigit(value: number): number {
  return value - 256 * Math.floor((value + 128) / 256);
}
