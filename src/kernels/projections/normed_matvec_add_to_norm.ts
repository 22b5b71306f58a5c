import code from '../../../shaders/projections/normed_matvec_add_to_norm.wgsl?raw';
import type { BufferSlice } from '../../gpu/buffers.ts';
import type { GpuFeatures } from '../../gpu/device.ts';
import { defineKernel } from '../../gpu/kernel.ts';
import type { DispatchSpec } from '../../gpu/plan.ts';
import type { Matrix } from './matrix.ts';
import { type InputNorm, matvecDispatches, normParams } from './matvec-dispatch.ts';
import { streamBuffers, type StreamToNorm } from '../shared/to-norm.ts';

export const normedMatvecAddToNormKernel = defineKernel({
  name: 'normed_matvec_add_to_norm',
  code,
  params: { rows: 'u32', first_row: 'u32', blocks: 'u32', columns4: 'u32', squares4: 'u32', eps: 'f32' },
  reads: ['g', 'squares', 'weights', 'norm_weight'],
  writes: ['x', 'h', 'x_squares'],
  constants: ['WG', 'TEAM', 'SEGMENT'],
  step: false,
});

/** x += W . g / rms(gated), with partial sums of its squares in gSquares; then h and squares, for the norm that follows. */
export function normedMatvecAddToNorm(
  features: GpuFeatures,
  label: string,
  { g, gSquares, weights, ...stream }: StreamToNorm & { g: BufferSlice; gSquares: BufferSlice; weights: Matrix },
  norm: InputNorm,
): DispatchSpec[] {
  const buffers = { g, squares: gSquares, ...streamBuffers(stream) };
  return matvecDispatches(features, label, normedMatvecAddToNormKernel, weights, buffers, normParams(norm));
}
