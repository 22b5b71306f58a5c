import code from '../../../shaders/shared/clip.wgsl?raw';
import type { BufferSlice } from '../../gpu/buffers.ts';
import type { GpuFeatures } from '../../gpu/device.ts';
import { defineKernel, variantFor } from '../../gpu/kernel.ts';
import type { DispatchSpec } from '../../gpu/plan.ts';

export const clipKernel = defineKernel({
  name: 'clip',
  code,
  params: { columns4: 'u32', limit: 'f32' },
  reads: [],
  writes: ['y'],
  constants: ['WG'],
  step: true,
});

const WG = 64;

/** y = y within `limit` of zero, in place; y (T, columns), `columns` a multiple of 4. */
export function clip(
  features: GpuFeatures,
  label: string,
  y: BufferSlice,
  { columns, limit }: { columns: number; limit: number },
): DispatchSpec {
  return {
    kernel: clipKernel,
    variant: variantFor(features),
    label,
    params: { columns4: columns / 4, limit },
    constants: { WG },
    buffers: { y },
    grid: (tokens) => [Math.ceil(columns / 4 / WG), tokens, 1],
  };
}
