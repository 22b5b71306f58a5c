import code from '../../../shaders/moe/moe_route.wgsl?raw';
import type { BufferSlice } from '../../gpu/buffers.ts';
import type { GpuFeatures } from '../../gpu/device.ts';
import { defineKernel, variantFor } from '../../gpu/kernel.ts';
import type { DispatchSpec } from '../../gpu/plan.ts';
import { type MoeDims, ROUTE_CONSTANTS, routeConstants } from './moe-shape.ts';

export const moeRouteKernel = defineKernel({
  name: 'moe_route',
  code,
  params: { stride: 'u32' },
  reads: ['logits', 'bias'],
  writes: ['experts', 'shares'],
  constants: ['WG', ...ROUTE_CONSTANTS],
  step: false,
});

/**
 * The experts (T, topK) u32 of each token and their weights, shares (T, topK), from logits. These have rows of
 * `stride`, of which E count. bias is (E), where the routing has one.
 */
export function moeRoute(
  features: GpuFeatures,
  label: string,
  { bias, ...buffers }: { logits: BufferSlice; bias?: BufferSlice; experts: BufferSlice; shares: BufferSlice },
  dims: MoeDims,
  { stride = dims.experts }: { stride?: number } = {},
): DispatchSpec {
  return {
    kernel: moeRouteKernel,
    variant: variantFor(features),
    label,
    params: { stride },
    constants: { WG: 64, ...routeConstants(dims) },
    // Without a bias, nothing reads the buffer in its place.
    buffers: { ...buffers, bias: bias ?? buffers.logits },
    grid: (tokens) => [tokens, 1, 1],
  };
}
