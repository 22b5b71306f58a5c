import type { GpuFeatures } from '../gpu/device.ts';
import type { DispatchSpec } from '../gpu/plan.ts';
import { unrolled } from './matmul-dispatch.ts';
import { type Matrix, type MatrixPart, matrixParams } from './matrix.ts';

/** The dimensions of a mixture of experts that its kernels need. */
export interface MoeDims {
  /** E */
  experts: number;
  /** Experts that a token goes to. */
  topK: number;
}

/** Invocations along the pairs (token, expert) of a tile of prefill, each with as many. */
const LANES_T = 4;
/** Pairs of a tile: few, since the tokens of a chunk are spread over many experts. */
export const MOE_TILE = LANES_T ** 2;
/** Rows of a tile, as in lib/matmul.wgsl. */
const TILE_ROWS = 64;

/** Tiles that hold the pairs of `tokens` tokens, whatever they choose: as in shaders/moe_group.wgsl. */
export function moeTiles({ experts, topK }: MoeDims, tokens: number): number {
  const pairs = tokens * topK;
  return Math.floor(pairs / MOE_TILE) + Math.min(experts, pairs);
}

/** Rows of each expert in a matrix (E * rows, columns) of all of them. */
export function expertRows(weights: Matrix, { experts }: MoeDims): number {
  return weights.rows / experts;
}

/** What the prefill products over one part of all experts' weights share. */
export function moeProduct(
  features: GpuFeatures,
  weights: Matrix,
  part: MatrixPart,
  dims: MoeDims,
): Pick<DispatchSpec, 'params' | 'constants' | 'grid'> {
  const rows = expertRows(weights, dims);
  return {
    params: { ...matrixParams(weights, part), expert_rows: rows, top_k: dims.topK },
    constants: { LANES_T, UNROLLED: unrolled(features) },
    grid: (tokens) => [Math.ceil(rows / TILE_ROWS), moeTiles(dims, tokens), 1],
  };
}
