import code from '../../../shaders/shared/soft_cap.wgsl?raw';
import type { BufferSlice } from '../../gpu/buffers.ts';
import type { GpuFeatures } from '../../gpu/device.ts';
import { defineKernel, variantFor } from '../../gpu/kernel.ts';
import type { DispatchSpec } from '../../gpu/plan.ts';

export const softCapKernel = defineKernel({
  name: 'soft_cap',
  code,
  params: { columns: 'u32' },
  reads: [],
  writes: ['y'],
  constants: ['WG', 'CAP'],
  step: false,
});

const WG = 64;

/** y = cap * tanh(y / cap) of `rows` rows, or of all of a pass, in place; y (T, columns). */
export function softCap(
  features: GpuFeatures,
  label: string,
  y: BufferSlice,
  { columns, cap, rows }: { columns: number; cap: number; rows?: number },
): DispatchSpec {
  return {
    kernel: softCapKernel,
    variant: variantFor(features),
    label,
    params: { columns },
    constants: { WG, CAP: cap },
    buffers: { y },
    grid: (tokens) => [Math.ceil(columns / WG), rows ?? tokens, 1],
  };
}
