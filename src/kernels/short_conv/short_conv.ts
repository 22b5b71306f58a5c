import code from '../../../shaders/short_conv/short_conv.wgsl?raw';
import type { BufferSlice } from '../../gpu/buffers.ts';
import type { GpuFeatures } from '../../gpu/device.ts';
import { defineKernel, variantFor } from '../../gpu/kernel.ts';
import type { DispatchSpec } from '../../gpu/plan.ts';

export const shortConvKernel = defineKernel({
  name: 'short_conv',
  code,
  params: { channels4: 'u32' },
  reads: ['u', 'weight', 'biases'],
  writes: ['v', 'state'],
  constants: ['WG', 'TILE', 'K'],
  step: true,
});

const WG = 64;
const TILE = 16;

/**
 * The gated convolution of u (T, 3C) into v (T, C). weight (C, 4) has `convWidth` taps first, biases (4, C) are of B,
 * C, x and the convolution. state (4, C) moves on.
 */
export function shortConv(
  features: GpuFeatures,
  label: string,
  buffers: { u: BufferSlice; weight: BufferSlice; biases: BufferSlice; v: BufferSlice; state: BufferSlice },
  { channels, convWidth }: { channels: number; convWidth: number },
): DispatchSpec {
  return {
    kernel: shortConvKernel,
    variant: variantFor(features),
    label,
    params: { channels4: channels / 4 },
    constants: { WG, TILE, K: convWidth },
    buffers,
    grid: (tokens) => [Math.ceil(channels / 4 / WG), Math.ceil(tokens / TILE), 1],
  };
}
