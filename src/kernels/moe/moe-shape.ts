import type { Matrix } from '../projections/matrix.ts';

/** The dimensions of a mixture of experts that its kernels need. */
export interface MoeDims {
  /** E */
  experts: number;
  /** Experts that a token goes to. */
  topK: number;
  /** How they are chosen and weighted; by their logits and softmax over the chosen where it is not given. */
  routing?: Routing | undefined;
  /** Whether experts have no gate, and squared ReLU. */
  ungated?: boolean | undefined;
}

/** How experts are chosen and weighted, but for softmax over the logits of the chosen. */
export interface Routing {
  /** The score that chooses and weights an expert: softmax over all logits, or the sigmoid of its own. */
  scores: 'softmax' | 'sigmoid';
  /** Whether something is added to the scores for the choice. */
  biased: boolean;
  /** Added to the sum of sigmoids that they are divided by; null where they are not divided. */
  sumEps: number | null;
  /** Multiplies what outputs are weighted by. */
  scale: number;
  /** Groups of experts in a row, and of how many of them a token's may come. */
  groups: number;
  keptGroups: number;
}

const SCORES = { softmax: 1, sigmoid: 2 } as const;

/** The constants of shaders/lib/route.wgsl. */
export function routeConstants({ experts, topK, routing }: MoeDims): Record<string, number> {
  return {
    EXPERTS: experts,
    TOP_K: topK,
    SCORES: routing ? SCORES[routing.scores] : 0,
    BIASED: routing?.biased ? 1 : 0,
    NORMALIZED: (routing?.sumEps ?? null) === null ? 0 : 1,
    SUM_EPS: routing?.sumEps ?? 0,
    SCALE: routing?.scale ?? 1,
    GROUPS: routing?.groups ?? 1,
    KEPT_GROUPS: routing?.keptGroups ?? 1,
  };
}

/** Names of these. */
export const ROUTE_CONSTANTS: readonly string[] = Object.keys(routeConstants({ experts: 1, topK: 1 }));

/** Invocations along the pairs (token, expert) of a tile of prefill, each with as many. */
export const MOE_LANES = 4;
/** Pairs of a tile: few, since the tokens of a chunk are spread over many experts. */
export const MOE_TILE = MOE_LANES ** 2;

/** Tiles that hold the pairs of `tokens` tokens, whatever they choose: as in shaders/moe/moe_group.wgsl. */
export function moeTiles({ experts, topK }: MoeDims, tokens: number): number {
  const pairs = tokens * topK;
  return Math.floor(pairs / MOE_TILE) + Math.min(experts, pairs);
}

/** Rows of each expert in a matrix (E * rows, columns) of all of them. */
export function expertRows(weights: Matrix, { experts }: MoeDims): number {
  return weights.rows / experts;
}
