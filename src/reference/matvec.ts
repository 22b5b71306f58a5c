import { asFloats, rowCount, type Values } from './values.ts';

/** y[r] = sum_c W[r, c] * x[c]; weights (rows, C), x (C). */
export function matvec(weights: Values, x: Values): Float64Array {
  const C = x.length;
  const rows = rowCount(weights, C);
  const [w, v] = [asFloats(weights), asFloats(x)];
  const y = new Float64Array(rows);
  for (let r = 0; r < rows; r++) {
    let sum = 0;
    for (let c = 0; c < C; c++) sum += w[r * C + c]! * v[c]!;
    y[r] = sum;
  }
  return y;
}
