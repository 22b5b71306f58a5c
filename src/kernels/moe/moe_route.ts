import code from '../../../shaders/moe/moe_route.wgsl?raw';
import type { BufferSlice } from '../../gpu/buffers.ts';
import type { GpuFeatures } from '../../gpu/device.ts';
import { defineKernel, variantFor } from '../../gpu/kernel.ts';
import type { DispatchSpec } from '../../gpu/plan.ts';
import type { MoeDims } from './moe-shape.ts';

export const moeRouteKernel = defineKernel({
  name: 'moe_route',
  code,
  params: {},
  reads: ['logits'],
  writes: ['experts', 'shares'],
  constants: ['WG', 'EXPERTS', 'TOP_K'],
  step: false,
});

/** The experts (T, topK) u32 of each token and what they are weighted by, shares (T, topK), from logits (T, E). */
export function moeRoute(
  features: GpuFeatures,
  label: string,
  buffers: { logits: BufferSlice; experts: BufferSlice; shares: BufferSlice },
  dims: MoeDims,
): DispatchSpec {
  return {
    kernel: moeRouteKernel,
    variant: variantFor(features),
    label,
    constants: { WG: 64, EXPERTS: dims.experts, TOP_K: dims.topK },
    buffers,
    grid: (tokens) => [tokens, 1, 1],
  };
}
