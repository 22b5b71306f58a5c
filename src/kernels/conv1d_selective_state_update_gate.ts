import code from '../../shaders/conv1d_selective_state_update_gate.wgsl?raw';
import type { BufferSlice } from '../gpu/buffers.ts';
import type { GpuFeatures } from '../gpu/device.ts';
import { defineKernel, variantFor } from '../gpu/kernel.ts';
import type { DispatchSpec } from '../gpu/plan.ts';
import type { Mamba2Dims } from './mamba2-shape.ts';

export const conv1dSelectiveStateUpdateGateKernel = defineKernel({
  name: 'conv1d_selective_state_update_gate',
  code,
  params: { heads: 'u32', head_dim: 'u32', groups: 'u32', dt_lo: 'f32', dt_hi: 'f32' },
  reads: ['conv_weight', 'conv_bias', 'dt_bias', 'a', 'd'],
  writes: ['u', 'conv_state', 'ssm_state'],
  constants: ['WG', 'N', 'PT'],
  step: true,
});

/**
 * One token through conv, SSM and gate of a mixer: u (projected) holds z, raw x, B, C and dt and gets the gated y in
 * the place of z; conv_state (4, channels) and ssm_state (H, P, N) move on.
 */
export function conv1dSelectiveStateUpdateGate(
  features: GpuFeatures,
  label: string,
  buffers: {
    conv_weight: BufferSlice;
    conv_bias: BufferSlice;
    dt_bias: BufferSlice;
    a: BufferSlice;
    d: BufferSlice;
    u: BufferSlice;
    conv_state: BufferSlice;
    ssm_state: BufferSlice;
  },
  dims: Mamba2Dims,
): DispatchSpec {
  const rows = Math.min(dims.headDim, Math.max(1, Math.floor(2048 / dims.stateSize)));
  return {
    kernel: conv1dSelectiveStateUpdateGateKernel,
    variant: variantFor(features),
    label: `${label} / conv1d_selective_state_update_gate`,
    params: {
      heads: dims.heads,
      head_dim: dims.headDim,
      groups: dims.groups,
      dt_lo: dims.dtLo,
      dt_hi: dims.dtHi,
    },
    constants: { WG: 128, N: dims.stateSize, PT: rows },
    buffers,
    grid: [Math.ceil(dims.headDim / rows), dims.heads, 1],
  };
}
