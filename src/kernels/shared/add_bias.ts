import code from '../../../shaders/shared/add_bias.wgsl?raw';
import type { BufferSlice } from '../../gpu/buffers.ts';
import type { GpuFeatures } from '../../gpu/device.ts';
import { defineKernel, variantFor } from '../../gpu/kernel.ts';
import type { DispatchSpec } from '../../gpu/plan.ts';

export const addBiasKernel = defineKernel({
  name: 'add_bias',
  code,
  params: { columns: 'u32' },
  reads: ['bias'],
  writes: ['y'],
  constants: ['WG'],
  step: true,
});

const WG = 64;

/** y += bias of every row, in place; y (T, columns), bias (columns). */
export function addBias(
  features: GpuFeatures,
  label: string,
  buffers: { bias: BufferSlice; y: BufferSlice },
  { columns }: { columns: number },
): DispatchSpec {
  return {
    kernel: addBiasKernel,
    variant: variantFor(features),
    label,
    params: { columns },
    constants: { WG },
    buffers,
    grid: (tokens) => [Math.ceil(columns / WG), tokens, 1],
  };
}
