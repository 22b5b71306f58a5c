import code from '../../../shaders/mamba2/ssd_chunk_scan.wgsl?raw';
import type { BufferSlice } from '../../gpu/buffers.ts';
import type { GpuFeatures } from '../../gpu/device.ts';
import { defineKernel, variantFor } from '../../gpu/kernel.ts';
import type { DispatchSpec } from '../../gpu/plan.ts';
import { CHUNK_TOKENS, type Mamba2Dims, scanTile } from './mamba2-shape.ts';

export const ssdChunkScanKernel = defineKernel({
  name: 'ssd_chunk_scan',
  code,
  params: { heads: 'u32', head_dim: 'u32', groups: 'u32' },
  reads: ['v', 'cb', 'decays', 'states', 'd'],
  writes: ['y'],
  constants: ['Q', 'N', 'PT'],
  step: true,
});

/** y (T, H, P) of the SSD from what ssd_bmm, ssd_chunk_cumsum and ssd_state_passing left; v (T, channels). */
export function ssdChunkScan(
  features: GpuFeatures,
  label: string,
  buffers: {
    v: BufferSlice;
    cb: BufferSlice;
    decays: BufferSlice;
    states: BufferSlice;
    d: BufferSlice;
    y: BufferSlice;
  },
  dims: Mamba2Dims,
): DispatchSpec {
  const tile = scanTile(dims);
  return {
    kernel: ssdChunkScanKernel,
    variant: variantFor(features),
    label,
    params: { heads: dims.heads, head_dim: dims.headDim, groups: dims.groups },
    constants: { Q: CHUNK_TOKENS, N: dims.stateSize, PT: tile },
    buffers,
    grid: (tokens) => [dims.headDim / tile, dims.heads, Math.ceil(tokens / CHUNK_TOKENS)],
  };
}
