import code from '../../../shaders/moe/moe_route_normed_matvec_swiglu.wgsl?raw';
import type { BufferSlice } from '../../gpu/buffers.ts';
import type { GpuFeatures } from '../../gpu/device.ts';
import { defineKernel, variantFor } from '../../gpu/kernel.ts';
import type { DispatchSpec } from '../../gpu/plan.ts';
import { foldedGrid } from '../shared/grid.ts';
import { type Matrix, matrixParams, matvecWorkgroup } from '../projections/matrix.ts';
import { expertRows, type MoeDims } from './moe-shape.ts';

export const moeRouteNormedMatvecSwigluKernel = defineKernel({
  name: 'moe_route_normed_matvec_swiglu',
  code,
  params: {
    rows: 'u32',
    first_row: 'u32',
    blocks: 'u32',
    columns4: 'u32',
    expert_rows: 'u32',
    squares4: 'u32',
    eps: 'f32',
  },
  reads: ['logits', 'h', 'squares', 'weights'],
  writes: ['experts', 'y'],
  constants: ['WG', 'EXPERTS', 'TOP_K'],
  step: false,
});

/**
 * The topK experts of the largest logits (E) and, of each, y[k, f] = share * silu(W[e, 2f] . n) * (W[e, 2f+1] . n) with
 * n = h / rms and `options.squares` partial sums of squares; weights (E * 2F, C) with gate and up rows of each expert in
 * turn, experts (topK) u32, y (topK, F).
 */
export function moeRouteNormedMatvecSwiglu(
  features: GpuFeatures,
  label: string,
  buffers: {
    logits: BufferSlice;
    h: BufferSlice;
    squares: BufferSlice;
    weights: Matrix;
    experts: BufferSlice;
    y: BufferSlice;
  },
  dims: MoeDims,
  options: { squares: number; eps: number },
): DispatchSpec[] {
  const { weights, ...others } = buffers;
  const rows = expertRows(weights, dims);
  return weights.parts.map((part) => ({
    kernel: moeRouteNormedMatvecSwigluKernel,
    variant: variantFor(features, weights.scheme),
    label,
    params: {
      ...matrixParams(weights, part),
      expert_rows: rows,
      squares4: Math.ceil(options.squares / 4),
      eps: options.eps,
    },
    constants: { WG: matvecWorkgroup(features, weights), EXPERTS: dims.experts, TOP_K: dims.topK },
    buffers: { ...others, weights: part.slice },
    grid: foldedGrid((dims.topK * rows) / 4),
  }));
}
