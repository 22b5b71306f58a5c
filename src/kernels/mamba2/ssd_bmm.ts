import code from '../../../shaders/mamba2/ssd_bmm.wgsl?raw';
import type { BufferSlice } from '../../gpu/buffers.ts';
import type { GpuFeatures } from '../../gpu/device.ts';
import { defineKernel, variantFor } from '../../gpu/kernel.ts';
import type { DispatchSpec } from '../../gpu/plan.ts';
import { CHUNK_TOKENS, type Mamba2Dims, mamba2Widths } from './mamba2-shape.ts';

export const ssdBmmKernel = defineKernel({
  name: 'ssd_bmm',
  code,
  params: { inner: 'u32', groups: 'u32' },
  reads: ['v'],
  writes: ['cb'],
  constants: ['Q', 'N'],
  step: true,
});

/** cb (chunks, G, Q, Q) = C . B^T of each chunk and group; v (T, channels) after conv. */
export function ssdBmm(
  features: GpuFeatures,
  label: string,
  buffers: { v: BufferSlice; cb: BufferSlice },
  dims: Mamba2Dims,
): DispatchSpec {
  const tiles = CHUNK_TOKENS / 8;
  return {
    kernel: ssdBmmKernel,
    variant: variantFor(features),
    label,
    params: { inner: mamba2Widths(dims).inner, groups: dims.groups },
    constants: { Q: CHUNK_TOKENS, N: dims.stateSize },
    buffers,
    grid: (tokens) => [tiles, tiles, Math.ceil(tokens / CHUNK_TOKENS) * dims.groups],
  };
}
