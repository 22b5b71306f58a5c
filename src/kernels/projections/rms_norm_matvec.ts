import code from '../../../shaders/projections/rms_norm_matvec.wgsl?raw';
import type { BufferSlice } from '../../gpu/buffers.ts';
import type { GpuFeatures } from '../../gpu/device.ts';
import { defineKernel, variantFor } from '../../gpu/kernel.ts';
import type { DispatchSpec } from '../../gpu/plan.ts';
import { foldedGrid } from '../shared/grid.ts';
import { type Matrix, matrixParams, matvecWorkgroup } from './matrix.ts';

export const rmsNormMatvecKernel = defineKernel({
  name: 'rms_norm_matvec',
  code,
  params: { rows: 'u32', first_row: 'u32', blocks: 'u32', columns4: 'u32', eps: 'f32', scale: 'f32' },
  reads: ['x', 'norm_weight', 'weights'],
  writes: ['y'],
  constants: ['WG'],
  step: true,
});

/** y = scale * W . rms_norm(last row of x); x (T, C), weights (rows, C), y (rows). */
export function rmsNormMatvec(
  features: GpuFeatures,
  label: string,
  buffers: { x: BufferSlice; normWeight: BufferSlice; weights: Matrix; y: BufferSlice },
  options: { eps: number; scale?: number },
): DispatchSpec[] {
  const { x, normWeight, weights, y } = buffers;
  return weights.parts.map((part) => ({
    kernel: rmsNormMatvecKernel,
    variant: variantFor(features, weights.scheme),
    label,
    params: { ...matrixParams(weights, part), eps: options.eps, scale: options.scale ?? 1 },
    constants: { WG: matvecWorkgroup(features, weights) },
    buffers: { x, norm_weight: normWeight, weights: part.slice, y },
    grid: foldedGrid(Math.ceil(part.rows / 4)),
  }));
}
