import { at, rowCount, type Values } from './values.ts';

/** y[t, c] = x[t, c] / sqrt(mean_c(x[t, c]^2) + eps) * weight[c]; x, y (T, C), weight (C). Zhang & Sennrich 2019, eq. 4. */
export function rmsNorm(x: Values, weight: Values, eps: number): Float64Array {
  const C = weight.length;
  const T = rowCount(x, C);
  const y = new Float64Array(T * C);
  for (let t = 0; t < T; t++) {
    let squares = 0;
    for (let c = 0; c < C; c++) squares += at(x, t * C + c) ** 2;
    const norm = 1 / Math.sqrt(squares / C + eps);
    for (let c = 0; c < C; c++) y[t * C + c] = at(x, t * C + c) * norm * at(weight, c);
  }
  return y;
}
