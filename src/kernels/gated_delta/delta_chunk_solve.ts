import code from '../../../shaders/gated_delta/delta_chunk_solve.wgsl?raw';
import type { BufferSlice } from '../../gpu/buffers.ts';
import type { GpuFeatures } from '../../gpu/device.ts';
import { defineKernel, variantFor } from '../../gpu/kernel.ts';
import type { DispatchSpec } from '../../gpu/plan.ts';
import { DELTA_CHUNK, type DeltaDims } from './delta-shape.ts';

export const deltaChunkSolveKernel = defineKernel({
  name: 'delta_chunk_solve',
  code,
  params: { key_heads: 'u32', heads: 'u32' },
  reads: ['v', 'decays'],
  writes: ['w', 'fresh', 'scores'],
  constants: ['Q', 'DK', 'DV'],
  step: true,
});

/**
 * The triangular system of each chunk, and products with its solution: w (T, H, keyDim), fresh (T, H, valueDim) and
 * scores (chunks, H, Q, Q). They are made of v (T, channels) with normed queries and keys, and of decays (chunks, H, Q,
 * 4).
 */
export function deltaChunkSolve(
  features: GpuFeatures,
  label: string,
  buffers: { v: BufferSlice; decays: BufferSlice; w: BufferSlice; fresh: BufferSlice; scores: BufferSlice },
  { keyHeads, valueHeads, keyDim, valueDim }: DeltaDims,
): DispatchSpec {
  return {
    kernel: deltaChunkSolveKernel,
    variant: variantFor(features),
    label,
    params: { key_heads: keyHeads, heads: valueHeads },
    constants: { Q: DELTA_CHUNK, DK: keyDim, DV: valueDim },
    buffers,
    grid: (tokens) => [valueHeads, Math.ceil(tokens / DELTA_CHUNK), 1],
  };
}
