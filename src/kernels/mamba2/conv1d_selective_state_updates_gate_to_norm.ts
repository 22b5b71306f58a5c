import code from '../../../shaders/mamba2/conv1d_selective_state_updates_gate_to_norm.wgsl?raw';
import { defineKernel } from '../../gpu/kernel.ts';
import type { DispatchSpec } from '../../gpu/plan.ts';
import { bound, isSameWork, spanOf, strideOf } from '../shared/slots.ts';
import { conv1dSelectiveStateUpdateGateToNormKernel } from './conv1d_selective_state_update_gate_to_norm.ts';
import { type Mamba2Dims, mamba2Widths } from './mamba2-shape.ts';

export const conv1dSelectiveStateUpdatesGateToNormKernel = defineKernel({
  name: 'conv1d_selective_state_updates_gate_to_norm',
  code,
  params: {
    heads: 'u32',
    head_dim: 'u32',
    groups: 'u32',
    dt_lo: 'f32',
    dt_hi: 'f32',
    positions: 'u32',
    moves: 'u32',
    u_stride: 'u32',
    squares_stride: 'u32',
  },
  reads: ['conv_weight', 'conv_bias', 'heads', 'norm_weight', 'conv_state', 'ssm_state'],
  writes: ['u', 'squares'],
  constants: ['WG', 'N', 'PT', 'GATE_LAST'],
  step: true,
});

/** Floats of a row of u with what the kernel leaves behind it: what moves the state. */
export function movingWidth(dims: Mamba2Dims): number {
  const { inner, projected } = mamba2Widths(dims);
  return projected + inner + dims.groups * dims.stateSize + 2 * dims.heads;
}

/**
 * One dispatch that gives the outputs of these, each of which takes one token of the same sequence, and leaves its states as
 * they were: `selectiveStateAdvance` moves them. Rows of u have room for `movingWidth` floats. Null where the dispatches are
 * of another kernel, or their rows do not lie at equal distances.
 */
export function stateUpdatesDispatch(specs: readonly DispatchSpec[]): DispatchSpec | null {
  const first = specs[0]!;
  if (first.kernel !== conv1dSelectiveStateUpdateGateToNormKernel || !isSameWork(specs)) return null;
  const [u, squares] = [bound(specs, 'u'), bound(specs, 'squares')];
  const [u_stride, squares_stride] = [strideOf(u, 4), strideOf(squares, 4)];
  if (u_stride === null || squares_stride === null) return null;
  const { heads = 0, head_dim: headDim = 0, groups = 0 } = first.params ?? {};
  const dims = { heads, headDim, groups, stateSize: first.constants!['N']!, dtLo: 0, dtHi: 0 };
  const { projected: moves } = mamba2Widths(dims);
  return {
    ...first,
    kernel: conv1dSelectiveStateUpdatesGateToNormKernel,
    params: { ...first.params, positions: specs.length, moves, u_stride, squares_stride },
    buffers: { ...first.buffers, u: spanOf(u), squares: spanOf(squares) },
  };
}
