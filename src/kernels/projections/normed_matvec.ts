import code from '../../../shaders/projections/normed_matvec.wgsl?raw';
import type { BufferSlice } from '../../gpu/buffers.ts';
import type { GpuFeatures } from '../../gpu/device.ts';
import { defineKernel } from '../../gpu/kernel.ts';
import type { DispatchSpec } from '../../gpu/plan.ts';
import type { Matrix } from './matrix.ts';
import { type InputNorm, matvecDispatches, normParams } from './matvec-dispatch.ts';

export const normedMatvecKernel = defineKernel({
  name: 'normed_matvec',
  code,
  params: { rows: 'u32', first_row: 'u32', blocks: 'u32', columns4: 'u32', squares4: 'u32', eps: 'f32', scale: 'f32' },
  reads: ['h', 'squares', 'weights'],
  writes: ['y'],
  constants: ['WG', 'TEAM', 'SEGMENT'],
  step: false,
});

/** y = scale * W . h / rms, with h the input times the norm's weight; weights (rows, C), y (rows). */
export function normedMatvec(
  features: GpuFeatures,
  label: string,
  { h, squares, weights, y }: { h: BufferSlice; squares: BufferSlice; weights: Matrix; y: BufferSlice },
  { scale = 1, ...norm }: InputNorm & { scale?: number },
): DispatchSpec[] {
  return matvecDispatches(
    features,
    label,
    normedMatvecKernel,
    weights,
    { h, squares, y },
    { ...normParams(norm), scale },
  );
}
