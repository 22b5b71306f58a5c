import code from '../../../shaders/projections/matvec_add_to_norm.wgsl?raw';
import type { BufferSlice } from '../../gpu/buffers.ts';
import type { GpuFeatures } from '../../gpu/device.ts';
import { defineKernel } from '../../gpu/kernel.ts';
import type { DispatchSpec } from '../../gpu/plan.ts';
import type { Matrix } from './matrix.ts';
import { matvecDispatches } from './matvec-dispatch.ts';
import { streamBuffers, type StreamToNorm } from '../shared/to-norm.ts';

export const matvecAddToNormKernel = defineKernel({
  name: 'matvec_add_to_norm',
  code,
  params: { rows: 'u32', first_row: 'u32', blocks: 'u32', columns4: 'u32' },
  reads: ['v', 'weights', 'norm_weight'],
  writes: ['x', 'h', 'x_squares'],
  constants: ['WG', 'TEAM', 'SEGMENT'],
  step: false,
});

/** x += W . v; then h and squares, for the norm that follows; v (C), weights (rows, C). */
export function matvecAddToNorm(
  features: GpuFeatures,
  label: string,
  { v, weights, ...stream }: StreamToNorm & { v: BufferSlice; weights: Matrix },
): DispatchSpec[] {
  return matvecDispatches(features, label, matvecAddToNormKernel, weights, { v, ...streamBuffers(stream) });
}
