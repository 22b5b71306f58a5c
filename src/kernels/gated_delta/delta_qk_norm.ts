import code from '../../../shaders/gated_delta/delta_qk_norm.wgsl?raw';
import type { BufferSlice } from '../../gpu/buffers.ts';
import type { GpuFeatures } from '../../gpu/device.ts';
import { defineKernel, variantFor } from '../../gpu/kernel.ts';
import type { DispatchSpec } from '../../gpu/plan.ts';
import { type DeltaDims, deltaWidths } from './delta-shape.ts';

export const deltaQkNormKernel = defineKernel({
  name: 'delta_qk_norm',
  code,
  params: { heads: 'u32', dim4: 'u32', stride4: 'u32' },
  reads: [],
  writes: ['v'],
  constants: ['WG'],
  step: false,
});

/** Queries and keys of v (T, channels), its first columns, of length one and queries times keyDim^-1/2, in place. */
export function deltaQkNorm(
  features: GpuFeatures,
  label: string,
  buffers: { v: BufferSlice },
  dims: DeltaDims,
): DispatchSpec {
  const { keyHeads, keyDim } = dims;
  return {
    kernel: deltaQkNormKernel,
    variant: variantFor(features),
    label,
    params: { heads: keyHeads, dim4: keyDim / 4, stride4: deltaWidths(dims).channels / 4 },
    constants: { WG: 32 },
    buffers,
    grid: (tokens) => [2 * keyHeads, tokens, 1],
  };
}
