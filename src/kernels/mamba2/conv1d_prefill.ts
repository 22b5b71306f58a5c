import code from '../../../shaders/mamba2/conv1d_prefill.wgsl?raw';
import type { BufferSlice } from '../../gpu/buffers.ts';
import type { GpuFeatures } from '../../gpu/device.ts';
import { defineKernel, variantFor } from '../../gpu/kernel.ts';
import type { DispatchSpec } from '../../gpu/plan.ts';

export const conv1dPrefillKernel = defineKernel({
  name: 'conv1d_prefill',
  code,
  params: { channels: 'u32', stride: 'u32', offset: 'u32' },
  reads: ['u', 'weight', 'bias'],
  writes: ['v', 'state'],
  constants: ['WG', 'SILU'],
  step: true,
});

const WG = 64;
const TILE = 4; // as in the shader

/**
 * Causal conv of u's channels [offset, offset + channels) into v (T, channels), with SiLU where nothing else is said; state
 * (4, channels) moves on.
 */
export function conv1dPrefill(
  features: GpuFeatures,
  label: string,
  buffers: { u: BufferSlice; weight: BufferSlice; bias: BufferSlice; v: BufferSlice; state: BufferSlice },
  { silu = true, ...options }: { channels: number; stride: number; offset: number; silu?: boolean },
): DispatchSpec {
  return {
    kernel: conv1dPrefillKernel,
    variant: variantFor(features),
    label,
    params: options,
    constants: { WG, SILU: silu ? 1 : 0 },
    buffers,
    grid: (tokens) => [Math.ceil(options.channels / WG), Math.ceil(tokens / TILE), 1],
  };
}
