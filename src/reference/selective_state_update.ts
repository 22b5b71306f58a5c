import { asFloats, at, type Values } from './values.ts';

/** Dimensions of a state-space layer: heads H, head dim P, state N, groups G of heads that share B and C. */
export interface SsmDims {
  heads: number;
  headDim: number;
  stateSize: number;
  groups: number;
}

/** One token's inputs of all heads. */
export interface SsmToken {
  /** (H, P) */
  x: Values;
  /** (H), after softplus and limits */
  dt: Values;
  /** (G, N) */
  b: Values;
  /** (G, N) */
  c: Values;
}

/**
 * One step of the recurrence, Dao & Gu 2024, eq. 1:
 * S[h] = exp(dt * a[h]) * S[h] + dt * x[h] B^T;  y[h, p] = S[h, p, :] . C + d[h] * x[h, p].
 * @param a (H), negative
 * @param d (H)
 * @param state (H, P, N)
 * @returns y (H, P) and the new state
 */
export function selectiveStateUpdate(
  { x, dt, b, c }: SsmToken,
  { a, d }: { a: Values; d: Values },
  state: Values,
  { heads: H, headDim: P, stateSize: N, groups: G }: SsmDims,
): { y: Float64Array; state: Float64Array } {
  const [before, bs, cs] = [state, b, c].map(asFloats) as [Float64Array, Float64Array, Float64Array];
  if (before.length !== H * P * N || bs.length !== G * N || cs.length !== G * N) {
    throw new RangeError(`A state of ${before.length} elements is none of ${H} x ${P} x ${N}.`);
  }
  const next = new Float64Array(H * P * N);
  const y = new Float64Array(H * P);
  for (let h = 0; h < H; h++) {
    const group = Math.floor(h / (H / G));
    const step = at(dt, h);
    const decay = Math.exp(step * at(a, h));
    for (let p = 0; p < P; p++) {
      const xp = at(x, h * P + p);
      let sum = at(d, h) * xp;
      for (let n = 0; n < N; n++) {
        const index = (h * P + p) * N + n;
        const value = decay * before[index]! + step * xp * bs[group * N + n]!;
        next[index] = value;
        sum += value * cs[group * N + n]!;
      }
      y[h * P + p] = sum;
    }
  }
  return { y, state: next };
}
