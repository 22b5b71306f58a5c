import type { QuantizedRows } from './quantize_rows.ts';
import { at, rowCount, type Values } from './values.ts';

/** The largest of two digits of int8: 127 * 256 + 127. */
const LARGEST = 32_639;

/** x[t, c] is nearly stored[t, c] * scale[t]: the largest magnitude of a row becomes 32639. */
export function quantizeRowsInt16(x: Values, columns: number): QuantizedRows {
  const T = rowCount(x, columns);
  const stored = new Float64Array(T * columns);
  const scales = new Float64Array(T);
  for (let t = 0; t < T; t++) {
    let largest = 0;
    for (let c = 0; c < columns; c++) largest = Math.max(largest, Math.abs(at(x, t * columns + c)));
    const scale = largest / LARGEST;
    scales[t] = scale;
    for (let c = 0; c < columns; c++)
      stored[t * columns + c] = scale === 0 ? 0 : Math.round(at(x, t * columns + c) / scale);
  }
  return { stored, scales };
}
