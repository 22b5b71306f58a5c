import code from '../../../shaders/moe/moe_matvec.wgsl?raw';
import type { BufferSlice } from '../../gpu/buffers.ts';
import type { GpuFeatures } from '../../gpu/device.ts';
import { defineKernel, variantFor } from '../../gpu/kernel.ts';
import type { DispatchSpec } from '../../gpu/plan.ts';
import { foldedGrid } from '../shared/grid.ts';
import { type Matrix, matrixParams, matvecWorkgroup } from '../projections/matrix.ts';
import { expertRows, type MoeDims } from './moe-shape.ts';

export const moeMatvecKernel = defineKernel({
  name: 'moe_matvec',
  code,
  params: { rows: 'u32', first_row: 'u32', blocks: 'u32', columns4: 'u32', expert_rows: 'u32', top_k: 'u32' },
  reads: ['v', 'experts', 'weights'],
  writes: ['y'],
  constants: ['WG', 'ADD'],
  step: false,
});

/** y = sum_k W[experts[k]] . v[k]; v (topK, F), experts (topK) u32, weights (E * L, F), y (L). One dispatch for each part. */
export function moeMatvec(
  features: GpuFeatures,
  label: string,
  { weights, ...others }: { v: BufferSlice; experts: BufferSlice; weights: Matrix; y: BufferSlice },
  dims: MoeDims,
): DispatchSpec[] {
  const rows = expertRows(weights, dims);
  // The blocks of all chosen experts are shared out as if they were one row.
  const joined = { ...weights, columns: weights.columns * dims.topK };
  return weights.parts.map((part, index) => ({
    kernel: moeMatvecKernel,
    variant: variantFor(features, weights.scheme),
    label,
    params: { ...matrixParams(weights, part), expert_rows: rows, top_k: dims.topK },
    constants: { WG: matvecWorkgroup(features, joined), ADD: index === 0 ? 0 : 1 },
    buffers: { ...others, weights: part.slice },
    grid: foldedGrid(rows / 4),
  }));
}
