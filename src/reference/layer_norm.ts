import { at, rowCount, type Values } from './values.ts';

/**
 * y[t, c] = (x[t, c] - mean_c(x[t])) / sqrt(mean_c((x[t, c] - mean)^2) + eps) * weight[c] + bias[c]; x, y (T, C), weight and
 * bias (C). Ba et al. 2016.
 */
export function layerNorm(x: Values, weight: Values, bias: Values, eps: number): Float64Array {
  const C = weight.length;
  const T = rowCount(x, C);
  const y = new Float64Array(T * C);
  for (let t = 0; t < T; t++) {
    const row = Float64Array.from({ length: C }, (_, c) => at(x, t * C + c));
    const mean = row.reduce((sum, value) => sum + value, 0) / C;
    const variance = row.reduce((sum, value) => sum + (value - mean) ** 2, 0) / C;
    const norm = 1 / Math.sqrt(variance + eps);
    for (let c = 0; c < C; c++) y[t * C + c] = (at(row, c) - mean) * norm * at(weight, c) + at(bias, c);
  }
  return y;
}
