import code from '../../../shaders/moe/moe_matvec_add_to_norm.wgsl?raw';
import type { BufferSlice } from '../../gpu/buffers.ts';
import type { GpuFeatures } from '../../gpu/device.ts';
import { defineKernel, variantFor } from '../../gpu/kernel.ts';
import type { DispatchSpec } from '../../gpu/plan.ts';
import { foldedGrid } from '../shared/grid.ts';
import { type Matrix, matrixParams, matvecWorkgroup } from '../projections/matrix.ts';
import { expertRows, type MoeDims } from './moe-shape.ts';
import { streamBuffers, type StreamToNorm } from '../shared/to-norm.ts';

export const moeMatvecAddToNormKernel = defineKernel({
  name: 'moe_matvec_add_to_norm',
  code,
  params: { rows: 'u32', first_row: 'u32', blocks: 'u32', columns4: 'u32', expert_rows: 'u32', top_k: 'u32' },
  reads: ['v', 'experts', 'weights', 'norm_weight'],
  writes: ['x', 'h', 'x_squares'],
  constants: ['WG'],
  step: false,
});

/**
 * x += sum_k W[experts[k]] . v[k]; then h = x * normWeight and squares (C / 4), for the norm that follows; v (topK, F),
 * weights (E * C, F).
 */
export function moeMatvecAddToNorm(
  features: GpuFeatures,
  label: string,
  { v, experts, weights, ...stream }: StreamToNorm & { v: BufferSlice; experts: BufferSlice; weights: Matrix },
  dims: MoeDims,
): DispatchSpec[] {
  const rows = expertRows(weights, dims);
  // The blocks of all chosen experts are shared out as if they were one row.
  const joined = { ...weights, columns: weights.columns * dims.topK };
  return weights.parts.map((part) => ({
    kernel: moeMatvecAddToNormKernel,
    variant: variantFor(features, weights.scheme),
    label,
    params: { ...matrixParams(weights, part), expert_rows: rows, top_k: dims.topK },
    constants: { WG: matvecWorkgroup(features, joined) },
    buffers: { v, experts, weights: part.slice, ...streamBuffers(stream) },
    grid: foldedGrid(rows / 4),
  }));
}
