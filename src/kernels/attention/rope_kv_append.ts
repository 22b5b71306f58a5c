import code from '../../../shaders/attention/rope_kv_append.wgsl?raw';
import type { BufferSlice } from '../../gpu/buffers.ts';
import type { GpuFeatures } from '../../gpu/device.ts';
import { defineKernel, variantFor } from '../../gpu/kernel.ts';
import type { DispatchSpec } from '../../gpu/plan.ts';
import type { AttentionDims } from './attention-shape.ts';
import { type CacheType, type KvCache, segmentParams } from './kv-cache.ts';

export const ropeKvAppendKernel = defineKernel({
  name: 'rope_kv_append',
  code,
  params: { heads: 'u32', kv_heads: 'u32', rope_dims: 'u32', segment_first: 'u32', segment_tokens: 'u32' },
  reads: ['rope'],
  writes: ['qkv', 'k_cache', 'v_cache'],
  constants: ['WG', 'HEAD_DIM4', 'RING'],
  step: true,
});

const WG = 64;

/** vec4f's that an invocation stores: in int8 those that share a word of scales. */
const UNITS: Readonly<Record<CacheType, number>> = { f32: 1, f16: 1, int8: 16 };

/**
 * Rotates q of qkv (T, heads + 2J, headDim) in place, appends rotated k and v to the cache. A dispatch for each segment of
 * the cache.
 */
export function ropeKvAppend(
  features: GpuFeatures,
  label: string,
  buffers: { rope: BufferSlice; qkv: BufferSlice },
  cache: KvCache,
  dims: AttentionDims,
): DispatchSpec[] {
  const { heads, kvHeads, headDim, ropeDims } = dims;
  const headDim4 = headDim / 4;
  const invocations = (heads * headDim) / 2 + 2 * kvHeads * Math.ceil(headDim4 / UNITS[cache.type]);
  return cache.segments.map((segment) => ({
    kernel: ropeKvAppendKernel,
    variant: variantFor(features, cache.type),
    label,
    params: { heads, kv_heads: kvHeads, rope_dims: ropeDims, ...segmentParams(segment) },
    constants: { WG, HEAD_DIM4: headDim4, RING: cache.ring ?? 0 },
    buffers: { ...buffers, k_cache: segment.keys, v_cache: segment.values },
    grid: (tokens) => [Math.ceil(invocations / WG), tokens, 1],
  }));
}
