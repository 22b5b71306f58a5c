import code from '../../../shaders/moe/moe_route_normed_matvec_swiglu.wgsl?raw';
import type { BufferSlice } from '../../gpu/buffers.ts';
import type { GpuFeatures } from '../../gpu/device.ts';
import { defineKernel, variantFor } from '../../gpu/kernel.ts';
import type { DispatchSpec } from '../../gpu/plan.ts';
import { foldedGrid } from '../shared/grid.ts';
import { type Matrix, matrixParams, matvecWorkgroup } from '../projections/matrix.ts';
import { expertRows, type MoeDims, ROUTE_CONSTANTS, routeConstants } from './moe-shape.ts';

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
  reads: ['logits', 'bias', 'h', 'squares', 'weights'],
  writes: ['experts', 'y'],
  constants: ['WG', 'GATED', ...ROUTE_CONSTANTS],
  step: false,
});

/**
 * The topK experts of the largest scores of logits (E), with bias (E) where the routing has one. Each gives y[k, f] =
 * share * silu(W[e, 2f] . n) * (W[e, 2f+1] . n) with n = h / rms and `options.squares` partial sums of squares. weights
 * is (E * 2F, C) with gate and up rows of each expert in turn, experts (topK) u32, y (topK, F). Experts without a gate
 * give share * max(W[e, f] . n, 0)^2, with weights (E * F, C).
 */
export function moeRouteNormedMatvecSwiglu(
  features: GpuFeatures,
  label: string,
  buffers: {
    logits: BufferSlice;
    bias?: BufferSlice;
    h: BufferSlice;
    squares: BufferSlice;
    weights: Matrix;
    experts: BufferSlice;
    y: BufferSlice;
  },
  dims: MoeDims,
  options: { squares: number; eps: number },
): DispatchSpec[] {
  // Without a bias, nothing reads the buffer in its place.
  const { weights, bias = buffers.logits, ...others } = buffers;
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
    constants: { WG: matvecWorkgroup(features, weights), GATED: dims.ungated ? 0 : 1, ...routeConstants(dims) },
    buffers: { ...others, bias, weights: part.slice },
    grid: foldedGrid((dims.topK * rows) / 4),
  }));
}
