import { sigmoid } from './sigmoid.ts';
import { softplus } from './softplus.ts';
import { at, rowCount, type Values } from './values.ts';

// The real-gated linear recurrent unit of Griffin: De et al. 2024, equations 1 to 4.

/** Weights of the unit, of `heads` blocks of channels each with matrices of its own. */
export interface RgLruWeights {
  /** (2, heads, D, D): of the input gate, then of the recurrence gate; a row for each input */
  gates: Values;
  /** (3, w): biases of the two gates, and the parameter of the decays */
  vectors: Values;
}

/** How strongly the recurrence gate decays. */
const STRENGTH = 8;

/**
 * s = a * s + sqrt(1 - a^2) * (i * x), with i and r the gates of x and log a = -8 r softplus(parameter). At position 0,
 * s = i * x.
 * @param x (T, w)
 * @param state (w), what came before
 * @returns s of all tokens (T, w), and the last
 */
export function rgLru(
  x: Values,
  { gates, vectors }: RgLruWeights,
  state: Values,
  { heads, position }: { heads: number; position: number },
): { y: Float64Array; state: Float64Array } {
  const w = rowCount(vectors, 3);
  const D = w / heads;
  const T = rowCount(x, w);
  const y = new Float64Array(T * w);
  const carried = Float64Array.from(state);
  for (let t = 0; t < T; t++) {
    for (let c = 0; c < w; c++) {
      const head = Math.floor(c / D);
      const gate = (which: number) => {
        let sum = at(vectors, which * w + c);
        for (let i = 0; i < D; i++) {
          sum += at(x, t * w + head * D + i) * at(gates, ((which * heads + head) * D + i) * D + (c % D));
        }
        return sigmoid(sum);
      };
      const log = -STRENGTH * gate(1) * softplus(at(vectors, 2 * w + c));
      const input = gate(0) * at(x, t * w + c);
      const isFirst = position + t === 0;
      const value = isFirst ? input : Math.exp(log) * at(carried, c) + Math.sqrt(-Math.expm1(2 * log)) * input;
      carried[c] = value;
      y[t * w + c] = value;
    }
  }
  return { y, state: carried };
}
