import { sigmoid } from './sigmoid.ts';
import { softplus } from './softplus.ts';
import { at, rowCount, type Values } from './values.ts';

// The gated delta rule, token by token: Yang, Kautz & Hatamizadeh 2024, equation 10.

/** The dimensions of a gated delta mixer. */
export interface DeltaDims {
  keyHeads: number;
  /** A multiple of `keyHeads`: value head h reads key head floor(h / (valueHeads / keyHeads)). */
  valueHeads: number;
  keyDim: number;
  valueDim: number;
  /** Largest strength of a correction. */
  betaScale: number;
}

/** Inputs of all tokens. */
export interface DeltaInputs {
  /** (T, keyHeads, keyDim), of any length: they are normed here */
  q: Values;
  k: Values;
  /** (T, valueHeads, valueDim) */
  v: Values;
  /** (T, valueHeads): logarithms of decays, at most 0 */
  g: Values;
  /** (T, valueHeads): strengths of the corrections */
  beta: Values;
}

/** Added to the sum of squares of a query or a key. */
const EPS = 1e-6;

/** Vectors of `width`, each divided by its length and multiplied by `scale`. */
export function l2Norm(x: Values, width: number, scale = 1): Float64Array {
  const out = new Float64Array(x.length);
  for (let row = 0; row < rowCount(x, width); row++) {
    let squares = 0;
    for (let i = 0; i < width; i++) squares += at(x, row * width + i) ** 2;
    const factor = scale / Math.sqrt(squares + EPS);
    for (let i = 0; i < width; i++) out[row * width + i] = at(x, row * width + i) * factor;
  }
  return out;
}

/** The logarithm of a head's decay: a * softplus(raw + bias), `a` being negative. */
export function logDecay(raw: number, bias: number, a: number): number {
  return a * softplus(raw + bias);
}

/** How strongly a token corrects: scale / (1 + e^-raw). */
export function correctionStrength(raw: number, scale: number): number {
  return scale * sigmoid(raw);
}

/**
 * S = exp(g) * S;  S = S + k (beta * (v - S^T k))^T;  o = S^T q, for each token and value head, q and k of length one and
 * q then times keyDim^-1/2.
 * @param state (valueHeads, keyDim, valueDim), what came before
 * @returns o (T, valueHeads, valueDim) and the new state
 */
export function gatedDelta(
  { q, k, v, g, beta }: DeltaInputs,
  state: Values,
  { keyHeads, valueHeads, keyDim, valueDim }: DeltaDims,
): { o: Float64Array; state: Float64Array } {
  const T = rowCount(g, valueHeads);
  const queries = l2Norm(q, keyDim, 1 / Math.sqrt(keyDim));
  const keys = l2Norm(k, keyDim);
  const o = new Float64Array(T * valueHeads * valueDim);
  const S = Float64Array.from(state);
  for (let t = 0; t < T; t++) {
    for (let h = 0; h < valueHeads; h++) {
      const th = t * valueHeads + h;
      const key = (t * keyHeads + Math.floor(h / (valueHeads / keyHeads))) * keyDim;
      const decay = Math.exp(at(g, th));
      for (let j = 0; j < valueDim; j++) {
        const place = (i: number) => (h * keyDim + i) * valueDim + j;
        let found = 0;
        for (let i = 0; i < keyDim; i++) {
          S[place(i)] = decay * at(S, place(i));
          found += at(S, place(i)) * at(keys, key + i);
        }
        const correction = at(beta, th) * (at(v, th * valueDim + j) - found);
        let read = 0;
        for (let i = 0; i < keyDim; i++) {
          S[place(i)] = at(S, place(i)) + at(keys, key + i) * correction;
          read += at(S, place(i)) * at(queries, key + i);
        }
        o[th * valueDim + j] = read;
      }
    }
  }
  return { o, state: S };
}
