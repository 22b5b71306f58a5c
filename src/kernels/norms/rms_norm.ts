import code from '../../../shaders/norms/rms_norm.wgsl?raw';
import type { BufferSlice } from '../../gpu/buffers.ts';
import type { GpuFeatures } from '../../gpu/device.ts';
import { defineKernel, variantFor } from '../../gpu/kernel.ts';
import type { DispatchSpec } from '../../gpu/plan.ts';

export const rmsNormKernel = defineKernel({
  name: 'rms_norm',
  code,
  params: { columns4: 'u32', eps: 'f32' },
  reads: ['x', 'weight'],
  writes: ['y'],
  constants: ['WG'],
  step: false,
});

/** y = rms_norm(x) row by row; x, y (T, columns), weight (columns). */
export function rmsNorm(
  features: GpuFeatures,
  label: string,
  buffers: { x: BufferSlice; weight: BufferSlice; y: BufferSlice },
  options: { columns: number; eps: number },
): DispatchSpec {
  return {
    kernel: rmsNormKernel,
    variant: variantFor(features),
    label,
    params: { columns4: options.columns / 4, eps: options.eps },
    constants: { WG: 128 },
    buffers,
    grid: (tokens) => [tokens, 1, 1],
  };
}
