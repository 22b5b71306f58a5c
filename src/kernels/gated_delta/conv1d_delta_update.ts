import code from '../../../shaders/gated_delta/conv1d_delta_update.wgsl?raw';
import type { BufferSlice } from '../../gpu/buffers.ts';
import type { GpuFeatures } from '../../gpu/device.ts';
import { defineKernel, variantFor } from '../../gpu/kernel.ts';
import type { DispatchSpec } from '../../gpu/plan.ts';
import type { DeltaDims } from './delta-shape.ts';

export const conv1dDeltaUpdateKernel = defineKernel({
  name: 'conv1d_delta_update',
  code,
  params: { key_heads: 'u32', heads: 'u32', beta_scale: 'f32' },
  reads: ['conv_weight', 'heads', 'u'],
  writes: ['conv_state', 'ssm_state', 'y'],
  constants: ['WG', 'DK', 'DV', 'VT'],
  step: true,
});

/** Columns of a head's state that one workgroup has. */
const VT = 16;

/**
 * One token through conv and recurrence of a mixer. u (projected) is the output of in_proj, heads (2, H) has dt_bias
 * and a, y is (H, valueDim). conv_state (4, channels) and ssm_state (H, keyDim, valueDim) move on.
 */
export function conv1dDeltaUpdate(
  features: GpuFeatures,
  label: string,
  buffers: {
    conv_weight: BufferSlice;
    heads: BufferSlice;
    u: BufferSlice;
    conv_state: BufferSlice;
    ssm_state: BufferSlice;
    y: BufferSlice;
  },
  { keyHeads, valueHeads, keyDim, valueDim, betaScale }: DeltaDims,
): DispatchSpec {
  return {
    kernel: conv1dDeltaUpdateKernel,
    variant: variantFor(features),
    label,
    params: { key_heads: keyHeads, heads: valueHeads, beta_scale: betaScale },
    constants: { WG: 128, DK: keyDim, DV: valueDim, VT },
    buffers,
    grid: [Math.ceil(valueDim / VT), valueHeads, 1],
  };
}
