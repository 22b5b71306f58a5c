import code from '../../../shaders/moe/moe_matmul.wgsl?raw';
import type { BufferSlice } from '../../gpu/buffers.ts';
import type { GpuFeatures } from '../../gpu/device.ts';
import { defineKernel } from '../../gpu/kernel.ts';
import type { DispatchSpec } from '../../gpu/plan.ts';
import { TILE_ROWS, unrolled } from '../shared/lane-tiles.ts';
import { type Matrix, matmulVariant, matrixParams } from '../projections/matrix.ts';
import { expertRows, MOE_LANES, type MoeDims, moeTiles } from './moe-shape.ts';
import { type Action, ACTIONS } from '../projections/projection.ts';

export const moeMatmulKernel = defineKernel({
  name: 'moe_matmul',
  code,
  params: {
    rows: 'u32',
    first_row: 'u32',
    blocks: 'u32',
    columns4: 'u32',
    expert_rows: 'u32',
    top_k: 'u32',
    x_pairs: 'u32',
    stride: 'u32',
  },
  reads: ['x', 'pairs', 'tile_experts', 'weights'],
  writes: ['y'],
  constants: ['LANES_T', 'UNROLLED', 'ACTION'],
  step: true,
});

/**
 * s[pair] = W[e] . x of every pair of a token and an expert e of it, with pairs and tile_experts from `moeGroup`.
 * weights is (E * rows, C), y (T * topK, rows), or (T * topK, rows / 2) for SwiGLU.
 * @param options.input what x has a row for: `tokens` (T, C), or `pairs` (T * topK, C).
 * @param options.normed whether x comes out of a norm, so that half-precision tiles are used where the device has them.
 */
export function moeMatmul(
  features: GpuFeatures,
  label: string,
  buffers: { x: BufferSlice; pairs: BufferSlice; tile_experts: BufferSlice; weights: Matrix; y: BufferSlice },
  dims: MoeDims,
  { action, input, normed }: { action: Exclude<Action, 'add'>; input: 'tokens' | 'pairs'; normed: boolean },
): DispatchSpec[] {
  const { weights, ...others } = buffers;
  const rows = expertRows(weights, dims);
  const shape = {
    expert_rows: rows,
    top_k: dims.topK,
    x_pairs: input === 'tokens' ? dims.topK : 1,
    stride: action === 'swiglu' ? rows / 2 : rows,
  };
  return weights.parts.map((part) => ({
    kernel: moeMatmulKernel,
    variant: matmulVariant(features, weights, normed),
    label,
    params: { ...matrixParams(weights, part), ...shape },
    constants: { LANES_T: MOE_LANES, UNROLLED: unrolled(features), ACTION: ACTIONS[action] },
    buffers: { ...others, weights: part.slice },
    grid: (tokens) => [Math.ceil(rows / TILE_ROWS), moeTiles(dims, tokens), 1],
  }));
}
