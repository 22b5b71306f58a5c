import code from '../../shaders/ssd_chunk_scan.wgsl?raw';
import type { BufferSlice } from '../gpu/buffers.ts';
import type { GpuFeatures } from '../gpu/device.ts';
import { defineKernel, variantFor } from '../gpu/kernel.ts';
import type { DispatchSpec } from '../gpu/plan.ts';
import { CHUNK_TOKENS, type Mamba2Dims, mamba2Widths, scanTile } from './mamba2-shape.ts';

export const ssdChunkScanKernel = defineKernel({
  name: 'ssd_chunk_scan',
  code,
  params: {
    heads: 'u32',
    head_dim: 'u32',
    groups: 'u32',
    stride: 'u32',
    dt_offset: 'u32',
    dt_lo: 'f32',
    dt_hi: 'f32',
  },
  reads: ['v', 'u', 'cb', 'dt_bias', 'a', 'd'],
  writes: ['ssm_state', 'y'],
  constants: ['WG', 'Q', 'N', 'PT'],
  step: true,
});

/** The SSD of all heads over T tokens from ssm_state (H, P, N), which moves on; v (T, channels), u (T, projected), y (T, H, P). */
export function ssdChunkScan(
  features: GpuFeatures,
  label: string,
  buffers: {
    v: BufferSlice;
    u: BufferSlice;
    cb: BufferSlice;
    dt_bias: BufferSlice;
    a: BufferSlice;
    d: BufferSlice;
    ssm_state: BufferSlice;
    y: BufferSlice;
  },
  dims: Mamba2Dims,
): DispatchSpec {
  const { inner, channels, projected } = mamba2Widths(dims);
  const tile = scanTile(dims);
  return {
    kernel: ssdChunkScanKernel,
    variant: variantFor(features),
    label: `${label} / ssd_chunk_scan`,
    params: {
      heads: dims.heads,
      head_dim: dims.headDim,
      groups: dims.groups,
      stride: projected,
      dt_offset: inner + channels,
      dt_lo: dims.dtLo,
      dt_hi: dims.dtHi,
    },
    constants: {
      WG: Math.max(CHUNK_TOKENS, Math.ceil((tile * dims.stateSize) / 16 / 32) * 32),
      Q: CHUNK_TOKENS,
      N: dims.stateSize,
      PT: tile,
    },
    buffers,
    grid: [dims.headDim / tile, dims.heads, 1],
  };
}
