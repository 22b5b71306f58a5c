import { matvec } from './matvec.ts';
import { swiglu } from './swiglu.ts';
import { at, rowCount, type Values } from './values.ts';

/** The experts that one token goes to. */
export interface Route {
  /** (k), by descending logit; of equal logits the expert of the lower number comes first. */
  experts: number[];
  /** (k), what their outputs are weighted by; they sum to 1. */
  shares: Float64Array;
}

/**
 * Chooses the `topK` experts of the largest logits and weights them by softmax over these alone, as transformers'
 * GraniteMoeTopKGating: logits (E) of one token.
 */
export function moeRoute(logits: Values, topK: number): Route {
  const order = Array.from({ length: logits.length }, (_, expert) => expert).toSorted(
    (left, right) => at(logits, right) - at(logits, left) || left - right,
  );
  const experts = order.slice(0, topK);
  const highest = at(logits, experts[0] ?? 0);
  const powers = Float64Array.from(experts, (expert) => Math.exp(at(logits, expert) - highest));
  const total = powers.reduce((sum, power) => sum + power, 0);
  return { experts, shares: powers.map((power) => power / total) };
}

/** A mixture of experts, each a SwiGLU MLP. */
export interface Experts {
  /** (E, C) */
  router: Values;
  /** (E * 2F, C): of each expert gate and up rows in turn */
  gateUp: Values;
  /** (E * C, F) */
  down: Values;
  topK: number;
}

/** y[t] = sum over the chosen experts e of share_e * W_down,e (silu(W_gate,e n) * (W_up,e n)); n, y (T, C). */
export function moe(n: Values, { router, gateUp, down, topK }: Experts, C: number): Float64Array {
  const E = rowCount(router, C);
  const F = rowCount(gateUp, 2 * E * C);
  const part = (values: Values, expert: number, size: number) =>
    Float64Array.from({ length: size }, (_, i) => at(values, expert * size + i));
  const y = new Float64Array(n.length);
  for (let t = 0; t < rowCount(n, C); t++) {
    const token = Float64Array.from({ length: C }, (_, c) => at(n, t * C + c));
    const { experts, shares } = moeRoute(matvec(router, token), topK);
    for (const [slot, expert] of experts.entries()) {
      const hidden = swiglu(matvec(part(gateUp, expert, 2 * F * C), token));
      const out = matvec(part(down, expert, C * F), hidden);
      for (let c = 0; c < C; c++) y[t * C + c] = at(y, t * C + c) + at(shares, slot) * at(out, c);
    }
  }
  return y;
}
