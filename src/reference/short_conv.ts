import { at, rowCount, type Values } from './values.ts';

// The mixer of LFM2 between its projections: a gate, a depthwise causal convolution of few taps, and another gate. Its state
// is a ring of four columns, as that of conv1d.ts.

const RING = 4;

/** The inputs of a short convolution. */
interface ShortConvInputs {
  /** (T, 3C): B, C and x of every token */
  u: Values;
  /** (C, K), the last tap for the token itself */
  weight: Values;
  /** (4, C): added to B, C, x and the convolution */
  biases: Values;
}

/**
 * v[t, c] = C[t, c] * (bias[c] + sum_k weight[c, k] * g[position + t - K + 1 + k, c]) with g = B * x.
 * @param state (4, C), the ring of g before these tokens; zeros where nothing came before
 * @returns v (T, C) and the ring behind them
 */
export function shortConv(
  { u, weight, biases }: ShortConvInputs,
  state: Values,
  position: number,
): { v: Float64Array; state: Float64Array } {
  const C = rowCount(biases, RING);
  const K = rowCount(weight, C);
  const T = rowCount(u, 3 * C);
  const v = new Float64Array(T * C);
  const ring = Float64Array.from(state);
  for (let t = 0; t < T; t++) {
    for (let c = 0; c < C; c++) {
      const part = (index: number) => at(u, (3 * t + index) * C + c) + at(biases, index * C + c);
      ring[((position + t) % RING) * C + c] = part(0) * part(2);
      let sum = at(biases, 3 * C + c);
      for (let k = 0; k < K; k++) {
        const q = position + t - (K - 1) + k;
        sum += at(weight, c * K + k) * at(ring, ((q + RING) % RING) * C + c);
      }
      v[t * C + c] = part(1) * sum;
    }
  }
  return { v, state: ring };
}
