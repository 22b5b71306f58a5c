import code from '../../../shaders/shared/unpack_f16.wgsl?raw';
import type { BufferSlice } from '../../gpu/buffers.ts';
import type { GpuFeatures } from '../../gpu/device.ts';
import { defineKernel, variantFor } from '../../gpu/kernel.ts';
import type { DispatchSpec } from '../../gpu/plan.ts';
import { foldedGrid } from './grid.ts';

export const unpackF16Kernel = defineKernel({
  name: 'unpack_f16',
  code,
  params: { fours: 'u32' },
  reads: ['packed_x'],
  writes: ['x'],
  constants: ['WG'],
  step: false,
});

const WG = 256;

/** x (elements) = the f16 of packed_x (elements / 2) words. Elements are a multiple of 4. */
export function unpackF16(
  features: GpuFeatures,
  label: string,
  buffers: { x: BufferSlice; packed_x: BufferSlice },
  elements: number,
): DispatchSpec {
  return {
    kernel: unpackF16Kernel,
    variant: variantFor(features),
    label,
    params: { fours: elements / 4 },
    constants: { WG },
    buffers,
    grid: foldedGrid(Math.ceil(elements / 4 / WG)),
  };
}
