import code from '../../shaders/ssd_state_passing.wgsl?raw';
import type { BufferSlice } from '../gpu/buffers.ts';
import type { GpuFeatures } from '../gpu/device.ts';
import { defineKernel, variantFor } from '../gpu/kernel.ts';
import type { DispatchSpec } from '../gpu/plan.ts';
import { CHUNK_TOKENS, type Mamba2Dims } from './mamba2-shape.ts';

export const ssdStatePassingKernel = defineKernel({
  name: 'ssd_state_passing',
  code,
  params: { heads: 'u32', head_dim: 'u32', groups: 'u32' },
  reads: ['v', 'decays'],
  writes: ['ssm_state', 'states'],
  constants: ['WG', 'Q', 'N'],
  step: true,
});

const WORKGROUP = 128;

/** ssm_state (H, P, N) moves on over T tokens; states (chunks, H, P, N) are those that enter the chunks; v (T, channels). */
export function ssdStatePassing(
  features: GpuFeatures,
  label: string,
  buffers: { v: BufferSlice; decays: BufferSlice; ssm_state: BufferSlice; states: BufferSlice },
  dims: Mamba2Dims,
): DispatchSpec {
  const squares = (dims.headDim / 4) * (dims.stateSize / 4);
  return {
    kernel: ssdStatePassingKernel,
    variant: variantFor(features),
    label: `${label} / ssd_state_passing`,
    params: { heads: dims.heads, head_dim: dims.headDim, groups: dims.groups },
    constants: { WG: WORKGROUP, Q: CHUNK_TOKENS, N: dims.stateSize },
    buffers,
    grid: [Math.ceil(squares / WORKGROUP), dims.heads, 1],
  };
}
