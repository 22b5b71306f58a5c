import code from '../../../shaders/mamba2/ssd_chunk_cumsum.wgsl?raw';
import type { BufferSlice } from '../../gpu/buffers.ts';
import type { GpuFeatures } from '../../gpu/device.ts';
import { defineKernel, variantFor } from '../../gpu/kernel.ts';
import type { DispatchSpec } from '../../gpu/plan.ts';
import { CHUNK_TOKENS, type Mamba2Dims, mamba2Widths } from './mamba2-shape.ts';

export const ssdChunkCumsumKernel = defineKernel({
  name: 'ssd_chunk_cumsum',
  code,
  params: { heads: 'u32', stride: 'u32', dt_offset: 'u32', dt_lo: 'f32', dt_hi: 'f32' },
  reads: ['u', 'dt_bias', 'a'],
  writes: ['decays'],
  constants: ['Q'],
  step: true,
});

/**
 * decays (chunks, H, Q, 4): dt, its sum times a (integer and fraction), and the rest of a token at the chunk's end. u
 * is (T, projected).
 */
export function ssdChunkCumsum(
  features: GpuFeatures,
  label: string,
  buffers: { u: BufferSlice; dt_bias: BufferSlice; a: BufferSlice; decays: BufferSlice },
  dims: Mamba2Dims,
): DispatchSpec {
  const { inner, channels, projected } = mamba2Widths(dims);
  return {
    kernel: ssdChunkCumsumKernel,
    variant: variantFor(features),
    label,
    params: {
      heads: dims.heads,
      stride: projected,
      dt_offset: inner + channels,
      dt_lo: dims.dtLo,
      dt_hi: dims.dtHi,
    },
    constants: { Q: CHUNK_TOKENS },
    buffers,
    grid: (tokens) => [dims.heads, Math.ceil(tokens / CHUNK_TOKENS), 1],
  };
}
