import { silu } from './silu.ts';
import { at, rowCount, type Values } from './values.ts';

// The depthwise causal convolution of a Mamba-2 mixer, of width 4, with SiLU. Its state is a ring of four columns:
// column q % 4 of (4, channels) holds the raw input of position q. Dao & Gu 2024, section 7.

const K = 4;

/** The results of a convolution. */
export interface Conv1d {
  /** (T, channels) */
  v: Float64Array;
  /** (4, channels) */
  state: Float64Array;
}

/**
 * v[t, c] = silu(bias[c] + sum_k weight[c, k] * raw[position + t - 3 + k, c]) over T tokens from `position` on.
 * @param raw (T, channels)
 * @param weight (channels, 4), the last tap for the token itself
 * @param state (4, channels), the ring before these tokens; zeros where nothing came before
 * @param activate what stands in the place of SiLU, where it is another function
 */
export function conv1d(
  raw: Values,
  weight: Values,
  bias: Values,
  state: Values,
  position: number,
  activate: (value: number) => number = silu,
): Conv1d {
  const channels = bias.length;
  const T = rowCount(raw, channels);
  const v = new Float64Array(T * channels);
  const ring = Float64Array.from(state);
  for (let t = 0; t < T; t++) {
    for (let c = 0; c < channels; c++) {
      ring[((position + t) % K) * channels + c] = at(raw, t * channels + c);
      let sum = at(bias, c);
      for (let k = 0; k < K; k++) {
        const q = position + t - (K - 1) + k;
        sum += at(weight, c * K + k) * at(ring, ((q + K) % K) * channels + c);
      }
      v[t * channels + c] = activate(sum);
    }
  }
  return { v, state: ring };
}

/** The columns of a ring that the token at `end` needs: positions end-3, end-2, end-1, as (3, channels). */
export function convColumns(state: Values, end: number): Float64Array {
  const width = rowCount(state, K);
  const columns = new Float64Array((K - 1) * width);
  for (let back = K - 1; back > 0; back--) {
    for (let c = 0; c < width; c++) {
      columns[(K - 1 - back) * width + c] = at(state, ((end - back + K) % K) * width + c);
    }
  }
  return columns;
}
