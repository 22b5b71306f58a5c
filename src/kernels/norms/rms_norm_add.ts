import code from '../../../shaders/norms/rms_norm_add.wgsl?raw';
import type { BufferSlice } from '../../gpu/buffers.ts';
import type { GpuFeatures } from '../../gpu/device.ts';
import { defineKernel, variantFor } from '../../gpu/kernel.ts';
import type { DispatchSpec } from '../../gpu/plan.ts';

export const rmsNormAddKernel = defineKernel({
  name: 'rms_norm_add',
  code,
  params: { columns4: 'u32', eps: 'f32' },
  reads: ['weight'],
  writes: ['v', 'x'],
  constants: ['WG'],
  step: false,
});

/** x += rms_norm(v) row by row, and v = 0; x, v (T, columns), weight (columns). */
export function rmsNormAdd(
  features: GpuFeatures,
  label: string,
  buffers: { weight: BufferSlice; v: BufferSlice; x: BufferSlice },
  { columns, eps }: { columns: number; eps: number },
): DispatchSpec {
  return {
    kernel: rmsNormAddKernel,
    variant: variantFor(features),
    label,
    params: { columns4: columns / 4, eps },
    constants: { WG: 128 },
    buffers,
    grid: (tokens) => [tokens, 1, 1],
  };
}
