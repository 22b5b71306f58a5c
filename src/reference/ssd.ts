import { selectiveStateUpdate, type SsmDims } from './selective_state_update.ts';
import { at, rowCount, type Values } from './values.ts';

/** Inputs of all tokens of a state-space layer. */
export interface SsdInputs {
  /** (T, H, P) */
  x: Values;
  /** (T, H), after softplus and limits */
  dt: Values;
  /** (H), negative */
  a: Values;
  /** (T, G, N) */
  b: Values;
  /** (T, G, N) */
  c: Values;
  /** (H) */
  d: Values;
}

export interface SsdResult {
  /** (T, H, P) */
  y: Float64Array;
  /** (H, P, N) */
  state: Float64Array;
}

/** Token by token: the definition. `state` (H, P, N) is what came before. */
export function ssdRecurrence(inputs: SsdInputs, state: Values, dims: SsmDims): SsdResult {
  const { heads: H, headDim: P, stateSize: N, groups: G } = dims;
  const T = rowCount(inputs.dt, H);
  const y = new Float64Array(T * H * P);
  const row = (values: Values, t: number, width: number) =>
    Float64Array.from({ length: width }, (_, i) => at(values, t * width + i));
  let carried: Float64Array = Float64Array.from(state);
  for (let t = 0; t < T; t++) {
    const token = {
      x: row(inputs.x, t, H * P),
      dt: row(inputs.dt, t, H),
      b: row(inputs.b, t, G * N),
      c: row(inputs.c, t, G * N),
    };
    const step = selectiveStateUpdate(token, inputs, carried, dims);
    y.set(step.y, t * H * P);
    carried = step.state;
  }
  return { y, state: carried };
}

/**
 * In chunks of Q tokens, as Dao & Gu 2024, section 6, listing 1: the quadratic form within a chunk, the state between
 * chunks. Gives the same as the recurrence, whatever Q is.
 */
export function ssdMinimal(inputs: SsdInputs, state: Values, dims: SsmDims, Q: number): SsdResult {
  const { heads: H, headDim: P, stateSize: N, groups: G } = dims;
  const { x, dt, a, b, c, d } = inputs;
  const T = rowCount(dt, H);
  const y = new Float64Array(T * H * P);
  const carried = Float64Array.from(state);
  for (let first = 0; first < T; first += Q) {
    const q = Math.min(Q, T - first);
    for (let h = 0; h < H; h++) {
      const group = Math.floor(h / (H / G));
      const xAt = (t: number, p: number) => at(x, ((first + t) * H + h) * P + p);
      const bAt = (t: number, n: number) => at(b, ((first + t) * G + group) * N + n);
      const cAt = (t: number, n: number) => at(c, ((first + t) * G + group) * N + n);
      const dtAt = (t: number) => at(dt, (first + t) * H + h);
      const sums = logDecays(q, (t) => dtAt(t) * at(a, h));

      // 1. Within the chunk: y = (L o C B^T) (dt x), L[t, s] = exp(l_t - l_s) for s <= t.
      for (let t = 0; t < q; t++) {
        const out = y.subarray(((first + t) * H + h) * P, ((first + t) * H + h + 1) * P);
        for (let s = 0; s <= t; s++) {
          let cb = 0;
          for (let n = 0; n < N; n++) cb += cAt(t, n) * bAt(s, n);
          const weight = cb * Math.exp(at(sums, t) - at(sums, s)) * dtAt(s);
          for (let p = 0; p < P; p++) out[p] = at(out, p) + weight * xAt(s, p);
        }
        for (let p = 0; p < P; p++) out[p] = at(out, p) + at(d, h) * xAt(t, p);
      }
      const own = new Float64Array(P * N);
      for (let p = 0; p < P; p++) {
        for (let n = 0; n < N; n++) {
          const index = (h * P + p) * N + n;
          // 2. The chunk's summand for the state, decayed to the chunk's end.
          for (let s = 0; s < q; s++) {
            const decay = Math.exp(at(sums, q - 1) - at(sums, s));
            own[p * N + n] = at(own, p * N + n) + decay * dtAt(s) * xAt(s, p) * bAt(s, n);
          }
          // 4. The incoming state's share of the output, decayed from the chunk's start.
          for (let t = 0; t < q; t++) {
            const to = ((first + t) * H + h) * P + p;
            y[to] = at(y, to) + Math.exp(at(sums, t)) * at(carried, index) * cAt(t, n);
          }
          // 3. The state between chunks.
          carried[index] = Math.exp(at(sums, q - 1)) * at(carried, index) + at(own, p * N + n);
        }
      }
    }
  }
  return { y, state: carried };
}

/**
 * The decays of a chunk's `length` time steps, of one head: dt_t, l_t, exp(l_last - l_t) * dt_t.
 * @param dt (T, H)
 */
export function ssdDecays(dt: Values, a: Values, H: number, chunk: { head: number; first: number; length: number }) {
  const { head, first, length } = chunk;
  const steps = Float64Array.from({ length }, (_, t) => at(dt, (first + t) * H + head));
  const sums = logDecays(length, (t) => at(steps, t) * at(a, head));
  const left = steps.map((step, t) => step * Math.exp(at(sums, length - 1) - at(sums, t)));
  return { steps, sums, left };
}

/** Inclusive sums l_t of `length` terms. */
function logDecays(length: number, term: (t: number) => number): Float64Array {
  const sums = new Float64Array(length);
  let sum = 0;
  for (let t = 0; t < length; t++) {
    sum += term(t);
    sums[t] = sum;
  }
  return sums;
}
