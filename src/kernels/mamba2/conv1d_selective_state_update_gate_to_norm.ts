import code from '../../../shaders/mamba2/conv1d_selective_state_update_gate_to_norm.wgsl?raw';
import type { BufferSlice } from '../../gpu/buffers.ts';
import type { GpuFeatures } from '../../gpu/device.ts';
import { defineKernel, variantFor } from '../../gpu/kernel.ts';
import type { DispatchSpec } from '../../gpu/plan.ts';
import type { Mamba2Dims } from './mamba2-shape.ts';

export const conv1dSelectiveStateUpdateGateToNormKernel = defineKernel({
  name: 'conv1d_selective_state_update_gate_to_norm',
  code,
  params: {
    heads: 'u32',
    head_dim: 'u32',
    groups: 'u32',
    dt_lo: 'f32',
    dt_hi: 'f32',
    u_stride: 'u32',
    conv_stride: 'u32',
    ssm_stride: 'u32',
    squares_stride: 'u32',
  },
  reads: ['conv_weight', 'conv_bias', 'heads', 'norm_weight'],
  writes: ['u', 'conv_state', 'ssm_state', 'squares'],
  constants: ['WG', 'N', 'PT', 'GATE_LAST'],
  step: true,
  slots: {
    u: { stride: 'u_stride', bytes: 4 },
    conv_state: { stride: 'conv_stride', bytes: 4 },
    ssm_state: { stride: 'ssm_stride', bytes: 16 },
    squares: { stride: 'squares_stride', bytes: 4 },
  },
});

const WG = 128;

/** Rows of a head that one workgroup takes: four an invocation. */
function tileRows(dims: Mamba2Dims): number {
  return Math.min(dims.headDim, WG, 4 * Math.floor(WG / (dims.stateSize / 4)));
}

/** Partial sums of squares that the kernel leaves. */
export function gatedSquares(dims: Mamba2Dims): number {
  return Math.ceil(dims.headDim / tileRows(dims)) * dims.heads;
}

/**
 * One token through conv, SSM and gate of a mixer: u (projected) holds z, raw x, B, C and dt and gets, in the place of z,
 * the gated y times norm_weight, whose squares before that go to `squares`, or those of y where the gate stands behind the
 * norm; heads (3, H) is dt_bias, a, d;
 * conv_state (4, channels) and ssm_state (H, P, N) move on.
 */
export function conv1dSelectiveStateUpdateGateToNorm(
  features: GpuFeatures,
  label: string,
  buffers: {
    conv_weight: BufferSlice;
    conv_bias: BufferSlice;
    heads: BufferSlice;
    norm_weight: BufferSlice;
    u: BufferSlice;
    conv_state: BufferSlice;
    ssm_state: BufferSlice;
    squares: BufferSlice;
  },
  dims: Mamba2Dims,
): DispatchSpec {
  const rows = tileRows(dims);
  return {
    kernel: conv1dSelectiveStateUpdateGateToNormKernel,
    variant: variantFor(features),
    label,
    params: {
      heads: dims.heads,
      head_dim: dims.headDim,
      groups: dims.groups,
      dt_lo: dims.dtLo,
      dt_hi: dims.dtHi,
    },
    constants: { WG, N: dims.stateSize, PT: rows, GATE_LAST: dims.gateLast ? 1 : 0 },
    buffers,
    grid: [Math.ceil(dims.headDim / rows), dims.heads, 1],
  };
}
