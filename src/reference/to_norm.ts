import { at, rowCount, type Values } from './values.ts';

/** One vector on its way into an RMSNorm. */
export interface ToNorm {
  /** (C): x[c] * weight[c] */
  h: Float64Array;
  /** Sums of x[c]^2 over `span` elements each, the last over those that are left. */
  squares: Float64Array;
}

/** RMSNorm of x (C) up to the division: h = x * weight and partial sums of squares. */
export function toNorm(x: Values, weight: Values, span: number): ToNorm {
  const C = weight.length;
  if (rowCount(x, C) !== 1) throw new RangeError(`${x.length} elements are not one row of ${C}.`);
  const h = new Float64Array(C);
  const squares = new Float64Array(Math.ceil(C / span));
  for (let c = 0; c < C; c++) {
    const index = Math.floor(c / span);
    h[c] = at(x, c) * at(weight, c);
    squares[index] = at(squares, index) + at(x, c) ** 2;
  }
  return { h, squares };
}

/**
 * y[c] = h[c] / sqrt(sum(squares) / C + eps): with this, `toNorm` is `rmsNorm`. With several groups of channels, each
 * has its share of the sums, one group after the other.
 */
export function normed({ h, squares }: ToNorm, eps: number, groups = 1): Float64Array {
  const width = h.length / groups;
  const count = squares.length / groups;
  return h.map((value, c) => {
    const group = Math.floor(c / width);
    const sum = squares.subarray(group * count, (group + 1) * count).reduce((total, square) => total + square, 0);
    return value / Math.sqrt(sum / width + eps);
  });
}
