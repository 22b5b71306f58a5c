import code from '../../../shaders/projections/normed_matvec_swiglu.wgsl?raw';
import type { BufferSlice } from '../../gpu/buffers.ts';
import type { GpuFeatures } from '../../gpu/device.ts';
import { defineKernel } from '../../gpu/kernel.ts';
import type { DispatchSpec } from '../../gpu/plan.ts';
import type { Matrix } from './matrix.ts';
import { type InputNorm, matvecDispatches, normParams } from './matvec-dispatch.ts';

export const normedMatvecSwigluKernel = defineKernel({
  name: 'normed_matvec_swiglu',
  code,
  params: { rows: 'u32', first_row: 'u32', blocks: 'u32', columns4: 'u32', squares4: 'u32', eps: 'f32' },
  reads: ['h', 'squares', 'weights'],
  writes: ['y'],
  constants: ['WG', 'TEAM', 'SEGMENT'],
  step: false,
});

/**
 * y[f] = silu(W[2f] . n) * (W[2f+1] . n), n = h / rms, with h the input times the norm's weight; weights (2F, C) with gate
 * and up rows in turn, y (F).
 */
export function normedMatvecSwiglu(
  features: GpuFeatures,
  label: string,
  { h, squares, weights, y }: { h: BufferSlice; squares: BufferSlice; weights: Matrix; y: BufferSlice },
  norm: InputNorm,
): DispatchSpec[] {
  return matvecDispatches(features, label, normedMatvecSwigluKernel, weights, { h, squares, y }, normParams(norm));
}
