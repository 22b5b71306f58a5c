import code from '../../../shaders/mamba1/selective_scan_gate.wgsl?raw';
import type { BufferSlice } from '../../gpu/buffers.ts';
import type { GpuFeatures } from '../../gpu/device.ts';
import { defineKernel, variantFor } from '../../gpu/kernel.ts';
import type { DispatchSpec } from '../../gpu/plan.ts';
import type { Mamba1Dims } from './mamba1-shape.ts';

export const selectiveScanGateKernel = defineKernel({
  name: 'selective_scan_gate',
  code,
  params: { channels: 'u32', head_channels: 'u32' },
  reads: ['dt_raw', 'u', 'bc', 'dt_bias', 'a', 'd'],
  writes: ['v', 'ssm_state'],
  constants: ['CHANNELS', 'N'],
  step: true,
});

const WORKGROUP = 64;

/**
 * The scan of a Mamba-1 mixer over T tokens from ssm_state (I, N), which moves on, and its gate. It reads dt_raw (T,
 * I), u (T, 2I) with z in the second half of a row, bc (T, 2 * states), a (I, N), dt_bias and d (I). v (T, I) is x
 * before and the output after.
 */
export function selectiveScanGate(
  features: GpuFeatures,
  label: string,
  buffers: {
    dt_raw: BufferSlice;
    u: BufferSlice;
    bc: BufferSlice;
    dt_bias: BufferSlice;
    a: BufferSlice;
    d: BufferSlice;
    v: BufferSlice;
    ssm_state: BufferSlice;
  },
  { inner, stateSize, heads }: Mamba1Dims,
): DispatchSpec {
  const channels = Math.max(1, Math.floor(WORKGROUP / (stateSize / 4)));
  return {
    kernel: selectiveScanGateKernel,
    variant: variantFor(features),
    label,
    params: { channels: inner, head_channels: inner / heads },
    constants: { CHANNELS: channels, N: stateSize },
    buffers,
    grid: [Math.ceil(inner / channels), 1, 1],
  };
}
