import code from '../../../shaders/moe/moe_group.wgsl?raw';
import type { BufferSlice } from '../../gpu/buffers.ts';
import type { GpuFeatures } from '../../gpu/device.ts';
import { defineKernel, variantFor } from '../../gpu/kernel.ts';
import type { DispatchSpec } from '../../gpu/plan.ts';
import { MOE_TILE, type MoeDims } from './moe-shape.ts';

export const moeGroupKernel = defineKernel({
  name: 'moe_group',
  code,
  params: {},
  reads: ['experts'],
  writes: ['pairs', 'tile_experts'],
  constants: ['WG', 'EXPERTS', 'TOP_K', 'TILE'],
  step: true,
});

/** Tiles of pairs of a token and an expert: experts (T, topK) to pairs (tiles, MOE_TILE) and tile_experts (tiles), all u32. */
export function moeGroup(
  features: GpuFeatures,
  label: string,
  buffers: { experts: BufferSlice; pairs: BufferSlice; tile_experts: BufferSlice },
  dims: MoeDims,
): DispatchSpec {
  return {
    kernel: moeGroupKernel,
    variant: variantFor(features),
    label,
    constants: { WG: 256, EXPERTS: dims.experts, TOP_K: dims.topK, TILE: MOE_TILE },
    buffers,
    grid: [1, 1, 1],
  };
}
