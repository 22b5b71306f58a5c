import code from '../../shaders/moe_matmul_swiglu.wgsl?raw';
import type { BufferSlice } from '../gpu/buffers.ts';
import type { GpuFeatures } from '../gpu/device.ts';
import { defineKernel } from '../gpu/kernel.ts';
import type { DispatchSpec } from '../gpu/plan.ts';
import { type Matrix, matmulVariant } from './matrix.ts';
import { type MoeDims, moeProduct } from './moe-shape.ts';

export const moeMatmulSwigluKernel = defineKernel({
  name: 'moe_matmul_swiglu',
  code,
  params: { rows: 'u32', first_row: 'u32', blocks: 'u32', columns4: 'u32', expert_rows: 'u32', top_k: 'u32' },
  reads: ['x', 'pairs', 'tile_experts', 'weights'],
  writes: ['y'],
  constants: ['LANES_T', 'UNROLLED'],
  step: true,
});

/**
 * y[pair] = silu(x[t] . W[e, 2f]) * (x[t] . W[e, 2f+1]) of every pair of a token t and an expert e of it, with pairs and tile_experts from
 * `moeGroup`; x (T, C), weights (E * 2F, C) with gate and up rows of each expert in turn, y (T * topK, F).
 * x comes out of a norm: half-precision tiles are used where the device has them.
 */
export function moeMatmulSwiglu(
  features: GpuFeatures,
  label: string,
  buffers: { x: BufferSlice; pairs: BufferSlice; tile_experts: BufferSlice; weights: Matrix; y: BufferSlice },
  dims: MoeDims,
): DispatchSpec[] {
  const { weights, ...others } = buffers;
  return weights.parts.map((part) => ({
    kernel: moeMatmulSwigluKernel,
    variant: matmulVariant(features, weights, true),
    label,
    buffers: { ...others, weights: part.slice },
    ...moeProduct(features, weights, part, dims),
  }));
}
