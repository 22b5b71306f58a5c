import { matvec } from './matvec.ts';
import { sigmoid } from './sigmoid.ts';
import { swiglu } from './swiglu.ts';
import { at, rowCount, type Values } from './values.ts';

/** The experts that one token goes to. */
export interface Route {
  /** (k), by descending logit; of equal logits the expert of the lower number comes first. */
  experts: number[];
  /** (k), what their outputs are weighted by; they sum to 1. */
  shares: Float64Array;
}

/** How experts are chosen and weighted; see `Routing` of src/kernels/moe/moe-shape.ts. */
export interface Routing {
  scores: 'softmax' | 'sigmoid';
  sumEps: number | null;
  scale: number;
  groups: number;
  keptGroups: number;
}

/**
 * Chooses the `topK` experts of the largest logits and weights them by softmax over these alone, as transformers'
 * GraniteMoeTopKGating: logits (E) of one token. Or as `routing` says, `bias` (E) being added to scores for the choice.
 */
export function moeRoute(logits: Values, topK: number, routing?: Routing, bias?: Values): Route {
  const scores = Float64Array.from(logits, (logit) => (routing?.scores === 'sigmoid' ? sigmoid(logit) : logit));
  const choices = keptChoices(
    scores.map((score, expert) => score + (bias ? at(bias, expert) : 0)),
    routing,
  );
  const order = Array.from({ length: logits.length }, (_, expert) => expert).toSorted(
    (left, right) => at(choices, right) - at(choices, left) || left - right,
  );
  const experts = order.slice(0, topK);
  const scale = routing?.scale ?? 1;
  const sum = (values: Float64Array) => values.reduce((total, value) => total + value, 0);
  const chosen = Float64Array.from(experts, (expert) => at(scores, expert));
  if (routing?.scores === 'sigmoid') {
    const divisor = routing.sumEps === null ? 1 : sum(chosen) + routing.sumEps;
    return { experts, shares: chosen.map((score) => (scale * score) / divisor) };
  }
  const highest = at(scores, experts[0] ?? 0);
  const power = (score: number) => Math.exp(score - highest);
  const total = sum((routing ? scores : chosen).map(power));
  return { experts, shares: chosen.map((score) => (scale * power(score)) / total) };
}

/** Choices, minus infinity where their group of experts is none of those that are kept. */
function keptChoices(choices: Float64Array, routing?: Routing): Float64Array {
  const { groups = 1, keptGroups = 1 } = routing ?? {};
  if (groups === 1) return choices;
  const size = choices.length / groups;
  const scores = Array.from({ length: groups }, (_, group) => {
    const best = choices.slice(group * size, (group + 1) * size).toSorted((left, right) => right - left);
    return at(best, 0) + (best[1] ?? 0);
  });
  const kept = [...scores.keys()]
    .toSorted((left, right) => at(scores, right) - at(scores, left) || left - right)
    .slice(0, keptGroups);
  return choices.map((choice, expert) => (kept.includes(Math.floor(expert / size)) ? choice : -Infinity));
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
  routing?: Routing | undefined;
  /** (E) */
  bias?: Values | undefined;
}

/** y[t] = sum over the chosen experts e of share_e * W_down,e (silu(W_gate,e n) * (W_up,e n)); n, y (T, C). */
export function moe(n: Values, { router, gateUp, down, topK, routing, bias }: Experts, C: number): Float64Array {
  const E = rowCount(router, C);
  const F = rowCount(gateUp, 2 * E * C);
  const part = (values: Values, expert: number, size: number) =>
    Float64Array.from({ length: size }, (_, i) => at(values, expert * size + i));
  const y = new Float64Array(n.length);
  for (let t = 0; t < rowCount(n, C); t++) {
    const token = Float64Array.from({ length: C }, (_, c) => at(n, t * C + c));
    const { experts, shares } = moeRoute(matvec(router, token), topK, routing, bias);
    for (const [slot, expert] of experts.entries()) {
      const hidden = swiglu(matvec(part(gateUp, expert, 2 * F * C), token));
      const out = matvec(part(down, expert, C * F), hidden);
      for (let c = 0; c < C; c++) y[t * C + c] = at(y, t * C + c) + at(shares, slot) * at(out, c);
    }
  }
  return y;
}
