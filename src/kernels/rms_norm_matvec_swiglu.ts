import code from '../../shaders/rms_norm_matvec_swiglu.wgsl?raw';
import type { BufferSlice } from '../gpu/buffers.ts';
import type { GpuFeatures } from '../gpu/device.ts';
import { defineKernel, variantFor } from '../gpu/kernel.ts';
import type { DispatchSpec } from '../gpu/plan.ts';
import { foldedGrid } from './grid.ts';
import { type Matrix, matrixParams, matvecWorkgroup } from './matrix.ts';

export const rmsNormMatvecSwigluKernel = defineKernel({
  name: 'rms_norm_matvec_swiglu',
  code,
  params: { rows: 'u32', first_row: 'u32', blocks: 'u32', columns4: 'u32', eps: 'f32' },
  reads: ['x', 'norm_weight', 'weights'],
  writes: ['y'],
  constants: ['WG'],
  step: false,
});

/** y[f] = silu(W[2f] . h) * (W[2f+1] . h), h = rms_norm(x); x (C), weights (2F, C) with gate and up rows in turn, y (F). */
export function rmsNormMatvecSwiglu(
  features: GpuFeatures,
  label: string,
  buffers: { x: BufferSlice; normWeight: BufferSlice; weights: Matrix; y: BufferSlice },
  options: { eps: number },
): DispatchSpec[] {
  const { x, normWeight, weights, y } = buffers;
  return weights.parts.map((part) => ({
    kernel: rmsNormMatvecSwigluKernel,
    variant: variantFor(features, weights.scheme),
    label: `${label} / rms_norm_matvec_swiglu`,
    params: { ...matrixParams(weights, part), eps: options.eps },
    constants: { WG: matvecWorkgroup(features, weights) },
    buffers: { x, norm_weight: normWeight, weights: part.slice, y },
    grid: foldedGrid(Math.ceil(part.rows / 4)),
  }));
}
