import code from '../../../shaders/mamba2/ssd_state_passing.wgsl?raw';
import type { BufferSlice } from '../../gpu/buffers.ts';
import type { GpuFeatures } from '../../gpu/device.ts';
import { defineKernel, variantFor } from '../../gpu/kernel.ts';
import type { DispatchSpec } from '../../gpu/plan.ts';
import { CHUNK_TOKENS, type Mamba2Dims } from './mamba2-shape.ts';

export const ssdStatePassingKernel = defineKernel({
  name: 'ssd_state_passing',
  code,
  params: { heads: 'u32', head_dim: 'u32', groups: 'u32' },
  reads: ['v', 'decays'],
  writes: ['ssm_state', 'states'],
  constants: ['LANES_P', 'LANES_N', 'DEPTH', 'Q', 'N'],
  step: true,
});

/**
 * Tiles of a head's state, (P, N): invocations along both, eight by four of its elements each, as many as cover the
 * head evenly. Also the tokens of a step: an invocation loads at most four vec4f of their x and of their B.
 */
function stateTiles({ headDim, stateSize }: Mamba2Dims) {
  const octets = Math.ceil(headDim / 8);
  const lanesP = 2 * Math.ceil(octets / Math.ceil(octets / MOST_LANES_P) / 2);
  const lanesN = Math.min(MOST_LANES_N, Math.max(2, stateSize / 4));
  let depth = 32;
  while (depth > Math.min(2 * lanesN, 4 * lanesP)) depth /= 2;
  const tiles = Math.ceil(octets / lanesP) * Math.ceil(stateSize / 4 / lanesN);
  return { lanesP, lanesN, depth, tiles };
}

// The most lanes that workgroup memory has room for, with steps of 32 tokens.
const MOST_LANES_P = 8;
const MOST_LANES_N = 16;

/** ssm_state (H, P, N) moves on over T tokens; states (chunks, H, P, N) are those that enter the chunks; v (T, channels). */
export function ssdStatePassing(
  features: GpuFeatures,
  label: string,
  buffers: { v: BufferSlice; decays: BufferSlice; ssm_state: BufferSlice; states: BufferSlice },
  dims: Mamba2Dims,
): DispatchSpec {
  const { lanesP, lanesN, depth, tiles } = stateTiles(dims);
  return {
    kernel: ssdStatePassingKernel,
    variant: variantFor(features),
    label,
    params: { heads: dims.heads, head_dim: dims.headDim, groups: dims.groups },
    constants: { LANES_P: lanesP, LANES_N: lanesN, DEPTH: depth, Q: CHUNK_TOKENS, N: dims.stateSize },
    buffers,
    grid: [tiles, dims.heads, 1],
  };
}
