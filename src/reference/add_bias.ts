import { at, rowCount, type Values } from './values.ts';

/** y[t, c] = x[t, c] + bias[c]; x, y (T, columns). */
export function addBias(x: Values, bias: Values): Float64Array {
  rowCount(x, bias.length);
  return Float64Array.from({ length: x.length }, (_, i) => at(x, i) + at(bias, i % bias.length));
}
