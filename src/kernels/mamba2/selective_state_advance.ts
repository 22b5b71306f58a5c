import code from '../../../shaders/mamba2/selective_state_advance.wgsl?raw';
import type { BufferSlice } from '../../gpu/buffers.ts';
import type { GpuFeatures } from '../../gpu/device.ts';
import { defineKernel, variantFor } from '../../gpu/kernel.ts';
import type { DispatchSpec } from '../../gpu/plan.ts';
import { spanOf, strideOf } from '../shared/slots.ts';
import { type Mamba2Dims, mamba2Widths } from './mamba2-shape.ts';

export const selectiveStateAdvanceKernel = defineKernel({
  name: 'selective_state_advance',
  code,
  params: { heads: 'u32', head_dim: 'u32', groups: 'u32', moves: 'u32', u_stride: 'u32' },
  reads: ['u'],
  writes: ['conv_state', 'ssm_state'],
  constants: ['WG', 'N'],
  step: true,
});

const WG = 128;

/**
 * Moves the states of a mixer by as many tokens as the pass has, from what `stateUpdatesDispatch` left behind u.
 * @param buffers.u of each token its row, at equal distances
 */
export function selectiveStateAdvance(
  features: GpuFeatures,
  label: string,
  buffers: { u: readonly BufferSlice[]; conv_state: BufferSlice; ssm_state: BufferSlice },
  dims: Mamba2Dims,
): DispatchSpec {
  const { heads, headDim, groups, stateSize } = dims;
  return {
    kernel: selectiveStateAdvanceKernel,
    variant: variantFor(features),
    label,
    params: {
      heads,
      head_dim: headDim,
      groups,
      moves: mamba2Widths(dims).projected,
      u_stride: strideOf(buffers.u, 4)!,
    },
    constants: { WG, N: stateSize },
    buffers: { ...buffers, u: spanOf(buffers.u) },
    grid: [Math.ceil((headDim * stateSize) / 4 / WG), heads, 1],
  };
}
