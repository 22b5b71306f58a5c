import { matvec } from './matvec.ts';
import { relu2 } from './relu2.ts';
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

/** A mixture of experts: MLPs with SiLU and a gate, or of squared ReLU. */
export interface Experts {
  /** (E, C) */
  router: Values;
  /** (E * 2F, L): of each expert gate and up rows in turn; (E * F, L) of up alone where experts have no gate */
  first: Values;
  ungated?: true | undefined;
  /** (E * L, F) */
  down: Values;
  topK: number;
  routing?: Routing | undefined;
  /** (E) */
  bias?: Values | undefined;
}

/**
 * y[t] = sum over the chosen experts e of share_e * W_down,e (silu(W_gate,e v) * (W_up,e v)), or of share_e * W_down,e
 * max(W_up,e v, 0)^2. The router reads n (T, C). Experts read v (T, L), by default n, and write y (T, L).
 */
export function moe(n: Values, mixture: Experts, C: number, v: Values = n): Float64Array {
  const { router, first, down, topK, routing, bias, ungated } = mixture;
  const E = rowCount(router, C);
  const T = rowCount(n, C);
  const L = v.length / T;
  const wide = rowCount(first, E * L);
  const F = ungated ? wide : wide / 2;
  const part = (values: Values, expert: number, size: number) =>
    Float64Array.from({ length: size }, (_, i) => at(values, expert * size + i));
  const row = (values: Values, width: number, t: number) =>
    Float64Array.from({ length: width }, (_, c) => at(values, t * width + c));
  const y = new Float64Array(v.length);
  for (let t = 0; t < T; t++) {
    const { experts, shares } = moeRoute(matvec(router, row(n, C, t)), topK, routing, bias);
    for (const [slot, expert] of experts.entries()) {
      const inner = matvec(part(first, expert, wide * L), row(v, L, t));
      const out = matvec(part(down, expert, L * F), ungated ? relu2(inner) : swiglu(inner));
      for (let c = 0; c < L; c++) y[t * L + c] = at(y, t * L + c) + at(shares, slot) * at(out, c);
    }
  }
  return y;
}
