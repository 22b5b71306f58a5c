import type { Matrix } from '../projections/matrix.ts';

/** The dimensions of a mixture of experts that its kernels need. */
export interface MoeDims {
  /** E */
  experts: number;
  /** Experts that a token goes to. */
  topK: number;
}

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
