import code from '../../../shaders/norms/rms_norm_concat.wgsl?raw';
import type { BufferSlice } from '../../gpu/buffers.ts';
import type { GpuFeatures } from '../../gpu/device.ts';
import { defineKernel, variantFor } from '../../gpu/kernel.ts';
import type { DispatchSpec } from '../../gpu/plan.ts';

export const rmsNormConcatKernel = defineKernel({
  name: 'rms_norm_concat',
  code,
  params: { columns4: 'u32', eps: 'f32' },
  reads: ['x', 'e', 'weight'],
  writes: ['y', 'copied'],
  constants: ['WG'],
  step: false,
});

/** y (T, 2C) = rms_norm of x and e (T, C) side by side, and copied = x; weight (2C). */
export function rmsNormConcat(
  features: GpuFeatures,
  label: string,
  buffers: { x: BufferSlice; e: BufferSlice; weight: BufferSlice; y: BufferSlice; copied: BufferSlice },
  { columns, eps }: { columns: number; eps: number },
): DispatchSpec {
  return {
    kernel: rmsNormConcatKernel,
    variant: variantFor(features),
    label,
    params: { columns4: columns / 4, eps },
    constants: { WG: 128 },
    buffers,
    grid: (tokens) => [tokens, 1, 1],
  };
}
