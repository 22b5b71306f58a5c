import { matvec } from './matvec.ts';
import { asFloats, rowCount, type Values } from './values.ts';

/** y = x . W^T: a matvec a token; x (T, columns), weights (rows, columns), y (T, rows). */
export function matmul(x: Values, weights: Values, columns: number): Float64Array {
  const [source, w] = [asFloats(x), asFloats(weights)];
  const T = rowCount(x, columns);
  const rows = rowCount(weights, columns);
  const y = new Float64Array(T * rows);
  for (let t = 0; t < T; t++) y.set(matvec(w, source.subarray(t * columns, (t + 1) * columns)), t * rows);
  return y;
}
