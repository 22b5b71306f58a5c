import code from '../../../shaders/gated_delta/delta_chunk_scan.wgsl?raw';
import type { BufferSlice } from '../../gpu/buffers.ts';
import type { GpuFeatures } from '../../gpu/device.ts';
import { defineKernel, variantFor } from '../../gpu/kernel.ts';
import type { DispatchSpec } from '../../gpu/plan.ts';
import { DELTA_CHUNK, type DeltaDims, deltaTile } from './delta-shape.ts';

export const deltaChunkScanKernel = defineKernel({
  name: 'delta_chunk_scan',
  code,
  params: { key_heads: 'u32', heads: 'u32' },
  reads: ['v', 'decays', 'w', 'fresh', 'scores'],
  writes: ['ssm_state', 'y'],
  constants: ['Q', 'DK', 'DV', 'VT'],
  step: true,
});

/** y (T, H, valueDim) of what `deltaChunkSolve` left, chunk by chunk from ssm_state (H, keyDim, valueDim), which moves on. */
export function deltaChunkScan(
  features: GpuFeatures,
  label: string,
  buffers: {
    v: BufferSlice;
    decays: BufferSlice;
    w: BufferSlice;
    fresh: BufferSlice;
    scores: BufferSlice;
    ssm_state: BufferSlice;
    y: BufferSlice;
  },
  dims: DeltaDims,
): DispatchSpec {
  const { keyHeads, valueHeads, keyDim, valueDim } = dims;
  const tile = deltaTile(dims);
  return {
    kernel: deltaChunkScanKernel,
    variant: variantFor(features),
    label,
    params: { key_heads: keyHeads, heads: valueHeads },
    constants: { Q: DELTA_CHUNK, DK: keyDim, DV: valueDim, VT: tile },
    buffers,
    grid: [Math.ceil(valueDim / tile), valueHeads, 1],
  };
}
