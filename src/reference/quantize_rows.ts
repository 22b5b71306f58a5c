import { at, rowCount, type Values } from './values.ts';

/** Columns of a row that share a scale. */
export const QUANTIZED_GROUP = 128;

/** Of a number of one digit of int8, and of two: 127 * 256 + 127. */
const LARGEST = { 1: 127, 2: 32_639 } as const;

/** Rows of integers, and the scale of each group of them. */
export interface QuantizedRows {
  /** (T, columns) */
  stored: Float64Array;
  /** (T, groups) */
  scales: Float64Array;
}

/**
 * x[t, c] is nearly stored[t, c] * scale[t, g]: groups of 128 columns, whose largest magnitude becomes 127, or
 * 32639 with two digits of int8. Dettmers et al. 2022, absmax quantization.
 */
export function quantizeRows(x: Values, columns: number, digits: 1 | 2 = 1): QuantizedRows {
  const T = rowCount(x, columns);
  const groups = Math.ceil(columns / QUANTIZED_GROUP);
  const stored = new Float64Array(T * columns);
  const scales = new Float64Array(T * groups);
  for (let t = 0; t < T; t++) {
    for (let g = 0; g < groups; g++) {
      const first = t * columns + g * QUANTIZED_GROUP;
      const end = Math.min(first + QUANTIZED_GROUP, (t + 1) * columns);
      let largest = 0;
      for (let c = first; c < end; c++) largest = Math.max(largest, Math.abs(at(x, c)));
      const scale = largest / LARGEST[digits];
      scales[t * groups + g] = scale;
      for (let c = first; c < end; c++) stored[c] = scale === 0 ? 0 : Math.round(at(x, c) / scale);
    }
  }
  return { stored, scales };
}

/** stored * scale, (T, columns). */
export function dequantizeRows({ stored, scales }: QuantizedRows, columns: number): Float64Array {
  const groups = Math.ceil(columns / QUANTIZED_GROUP);
  return stored.map((value, index) => {
    const row = Math.floor(index / columns);
    return value * at(scales, row * groups + Math.floor((index % columns) / QUANTIZED_GROUP));
  });
}
