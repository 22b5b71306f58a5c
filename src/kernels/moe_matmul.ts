import code from '../../shaders/moe_matmul.wgsl?raw';
import type { BufferSlice } from '../gpu/buffers.ts';
import type { GpuFeatures } from '../gpu/device.ts';
import { defineKernel } from '../gpu/kernel.ts';
import type { DispatchSpec } from '../gpu/plan.ts';
import { type Matrix, matmulVariant } from './matrix.ts';
import { type MoeDims, moeProduct } from './moe-shape.ts';

export const moeMatmulKernel = defineKernel({
  name: 'moe_matmul',
  code,
  params: { rows: 'u32', first_row: 'u32', blocks: 'u32', columns4: 'u32', expert_rows: 'u32', top_k: 'u32' },
  reads: ['x', 'pairs', 'tile_experts', 'weights'],
  writes: ['y'],
  constants: ['LANES_T', 'UNROLLED'],
  step: true,
});

/**
 * y[pair] = W[e] . x[pair] of every pair of a token and an expert e of it, with pairs and tile_experts from
 * `moeGroup`; x (T * topK, F), weights (E * C, F), y (T * topK, C).
 */
export function moeMatmul(
  features: GpuFeatures,
  label: string,
  buffers: { x: BufferSlice; pairs: BufferSlice; tile_experts: BufferSlice; weights: Matrix; y: BufferSlice },
  dims: MoeDims,
): DispatchSpec[] {
  const { weights, ...others } = buffers;
  return weights.parts.map((part) => ({
    kernel: moeMatmulKernel,
    variant: matmulVariant(features, weights, false),
    label,
    buffers: { ...others, weights: part.slice },
    ...moeProduct(features, weights, part, dims),
  }));
}
