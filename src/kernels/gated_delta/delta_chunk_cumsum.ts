import code from '../../../shaders/gated_delta/delta_chunk_cumsum.wgsl?raw';
import type { BufferSlice } from '../../gpu/buffers.ts';
import type { GpuFeatures } from '../../gpu/device.ts';
import { defineKernel, variantFor } from '../../gpu/kernel.ts';
import type { DispatchSpec } from '../../gpu/plan.ts';
import { DELTA_CHUNK, type DeltaDims, deltaWidths } from './delta-shape.ts';

export const deltaChunkCumsumKernel = defineKernel({
  name: 'delta_chunk_cumsum',
  code,
  params: { heads: 'u32', stride: 'u32', offset: 'u32', beta_scale: 'f32' },
  reads: ['u', 'heads'],
  writes: ['decays'],
  constants: ['Q'],
  step: true,
});

/**
 * decays (chunks, H, Q, 4): strength, sum of the logarithms of decays (integer and fraction), and the rest of a token
 * at the chunk's end. u is (T, projected), heads (2, H) has dt_bias and a.
 */
export function deltaChunkCumsum(
  features: GpuFeatures,
  label: string,
  buffers: { u: BufferSlice; heads: BufferSlice; decays: BufferSlice },
  dims: DeltaDims,
): DispatchSpec {
  const { values, channels, projected } = deltaWidths(dims);
  const { valueHeads, betaScale } = dims;
  return {
    kernel: deltaChunkCumsumKernel,
    variant: variantFor(features),
    label,
    params: { heads: valueHeads, stride: projected, offset: values + channels, beta_scale: betaScale },
    constants: { Q: DELTA_CHUNK },
    buffers,
    grid: (tokens) => [valueHeads, Math.ceil(tokens / DELTA_CHUNK), 1],
  };
}
