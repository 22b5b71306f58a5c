import code from '../../../shaders/norms/rms_norm_split.wgsl?raw';
import type { BufferSlice } from '../../gpu/buffers.ts';
import type { GpuFeatures } from '../../gpu/device.ts';
import { defineKernel, variantFor } from '../../gpu/kernel.ts';
import type { DispatchSpec } from '../../gpu/plan.ts';
import type { Mamba1Dims } from '../mamba1/mamba1-shape.ts';

export const rmsNormSplitKernel = defineKernel({
  name: 'rms_norm_split',
  code,
  params: { rank4: 'u32', state4: 'u32', eps: 'f32' },
  reads: ['x'],
  writes: ['delta', 'bc'],
  constants: ['WG'],
  step: false,
});

/** x (T, R + 2N) into delta (T, R) and bc (T, 2N), of which delta, b and c are each divided by their root mean square. */
export function rmsNormSplit(
  features: GpuFeatures,
  label: string,
  buffers: { x: BufferSlice; delta: BufferSlice; bc: BufferSlice },
  { dtRank, stateSize }: Mamba1Dims,
  { eps }: { eps: number },
): DispatchSpec {
  return {
    kernel: rmsNormSplitKernel,
    variant: variantFor(features),
    label,
    params: { rank4: dtRank / 4, state4: stateSize / 4, eps },
    constants: { WG: 64 },
    buffers,
    grid: (tokens) => [tokens, 3, 1],
  };
}
