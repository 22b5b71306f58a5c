import code from '../../../shaders/shared/pack_f16.wgsl?raw';
import type { BufferSlice } from '../../gpu/buffers.ts';
import type { GpuFeatures } from '../../gpu/device.ts';
import { defineKernel, variantFor } from '../../gpu/kernel.ts';
import type { DispatchSpec } from '../../gpu/plan.ts';
import { foldedGrid } from './grid.ts';

export const packF16Kernel = defineKernel({
  name: 'pack_f16',
  code,
  params: { fours: 'u32' },
  reads: ['x'],
  writes: ['packed_x'],
  constants: ['WG'],
  step: false,
});

const WG = 256;

/** packed_x (elements / 2) words = x (elements), rounded to f16. Elements are a multiple of 4. */
export function packF16(
  features: GpuFeatures,
  label: string,
  buffers: { x: BufferSlice; packed_x: BufferSlice },
  elements: number,
): DispatchSpec {
  return {
    kernel: packF16Kernel,
    variant: variantFor(features),
    label,
    params: { fours: elements / 4 },
    constants: { WG },
    buffers,
    grid: foldedGrid(Math.ceil(elements / 4 / WG)),
  };
}
