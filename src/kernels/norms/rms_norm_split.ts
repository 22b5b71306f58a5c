import code from '../../../shaders/norms/rms_norm_split.wgsl?raw';
import type { BufferSlice } from '../../gpu/buffers.ts';
import type { GpuFeatures } from '../../gpu/device.ts';
import { defineKernel, variantFor } from '../../gpu/kernel.ts';
import type { DispatchSpec } from '../../gpu/plan.ts';
import { type Mamba1Dims, mamba1Widths, NORM_NUMBERS, type Mamba1Norm } from '../mamba1/mamba1-shape.ts';

export const rmsNormSplitKernel = defineKernel({
  name: 'rms_norm_split',
  code,
  params: { rank4: 'u32', rank: 'u32', state4: 'u32', eps: 'f32' },
  reads: ['x', 'weight'],
  writes: ['delta', 'bc'],
  constants: ['WG', 'NORM'],
  step: false,
});

/**
 * Splits x (T, selected) into delta (T, deltas) and bc (T, 2 * states). It copies them, or divides delta, b and c each
 * by its root mean square, with a weight (selected) or without. dims are those of `mamba1Widths`.
 */
export function rmsNormSplit(
  features: GpuFeatures,
  label: string,
  buffers: { x: BufferSlice; weight: BufferSlice; delta: BufferSlice; bc: BufferSlice },
  dims: Mamba1Dims,
  { norm, eps }: { norm: Mamba1Norm; eps: number },
): DispatchSpec {
  const { deltas, states } = mamba1Widths(dims);
  return {
    kernel: rmsNormSplitKernel,
    variant: variantFor(features),
    label,
    params: { rank4: deltas / 4, rank: dims.heads === 1 ? dims.dtRank : deltas, state4: states / 4, eps },
    constants: { WG: 64, NORM: NORM_NUMBERS[norm] },
    buffers,
    grid: (tokens) => [tokens, 3, 1],
  };
}
