import { silu } from './silu.ts';
import { at, rowCount, type Values } from './values.ts';

/** Inputs of the scan of a Mamba-1 mixer, all tokens. */
export interface SelectiveScanInputs {
  /** (T, I), after convolution and SiLU */
  x: Values;
  /** (T, I), after softplus */
  dt: Values;
  /** (I, N), negative: each channel has its own, unlike a Mamba-2 head */
  a: Values;
  /** (T, N), the same for all channels */
  b: Values;
  /** (T, N) */
  c: Values;
  /** (I) */
  d: Values;
  /** (T, I), the gate */
  z: Values;
}

/**
 * Token by token, Gu & Dao 2023, algorithm 2 and the gate behind it:
 * S[i, n] = exp(dt[i] * a[i, n]) * S[i, n] + dt[i] * x[i] * b[n];  y[i] = (S[i, :] . c + d[i] * x[i]) * silu(z[i]).
 * @param state (I, N), what came before
 * @returns y (T, I) and the new state
 */
export function selectiveScan(
  { x, dt, a, b, c, d, z }: SelectiveScanInputs,
  state: Values,
): { y: Float64Array; state: Float64Array } {
  const I = d.length;
  const N = rowCount(a, I);
  const T = rowCount(x, I);
  const y = new Float64Array(T * I);
  const carried = Float64Array.from(state);
  for (let t = 0; t < T; t++) {
    for (let i = 0; i < I; i++) {
      const ti = t * I + i;
      let sum = at(d, i) * at(x, ti);
      for (let n = 0; n < N; n++) {
        const decay = Math.exp(at(dt, ti) * at(a, i * N + n));
        const value = decay * at(carried, i * N + n) + at(dt, ti) * at(x, ti) * at(b, t * N + n);
        carried[i * N + n] = value;
        sum += value * at(c, t * N + n);
      }
      y[ti] = sum * silu(at(z, ti));
    }
  }
  return { y, state: carried };
}
