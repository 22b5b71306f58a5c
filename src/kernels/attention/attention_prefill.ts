import code from '../../../shaders/attention/attention_prefill.wgsl?raw';
import type { BufferSlice } from '../../gpu/buffers.ts';
import type { GpuFeatures } from '../../gpu/device.ts';
import { defineKernel, variantFor } from '../../gpu/kernel.ts';
import type { DispatchSpec } from '../../gpu/plan.ts';
import { unrolled } from '../shared/lane-tiles.ts';
import { type AttentionDims, scoreConstants } from './attention-shape.ts';
import { type KvCache, segmentParams } from './kv-cache.ts';

export const attentionPrefillKernel = defineKernel({
  name: 'attention_prefill',
  code,
  params: { heads: 'u32', kv_heads: 'u32', scale: 'f32', segment_first: 'u32', segment_tokens: 'u32' },
  reads: ['qkv', 'k_cache', 'v_cache'],
  writes: ['y', 'sums'],
  constants: ['HEAD_DIM4', 'VALUE_KEYS', 'WINDOW', 'RING', 'CAP', 'UNROLLED'],
  step: true,
});

/** Rows of a workgroup. */
const ROWS = 32;
/** vec4f of a tile of values: those of a tile of keys, whose place it takes. */
const MOST_VALUES = 512;

/** f32 elements of `sums`, for passes of so many tokens. */
export function attentionSumsFloats({ heads }: AttentionDims, tokens: number): number {
  return 2 * tokens * heads;
}

/**
 * Causal attention of T tokens, appended to the cache already: qkv (T, heads + 2J, headDim), y (T, heads, headDim). A
 * dispatch for each segment of the cache, in order: each goes on from y and `sums`.
 */
export function attentionPrefill(
  features: GpuFeatures,
  label: string,
  buffers: { qkv: BufferSlice; y: BufferSlice; sums: BufferSlice },
  cache: KvCache,
  dims: AttentionDims,
): DispatchSpec[] {
  const { heads, kvHeads, scale } = dims;
  const headDim4 = dims.headDim / 4;
  return cache.segments.map((segment) => ({
    kernel: attentionPrefillKernel,
    variant: variantFor(features, cache.type),
    label,
    params: { heads, kv_heads: kvHeads, scale, ...segmentParams(segment) },
    constants: {
      HEAD_DIM4: headDim4,
      VALUE_KEYS: [32, 16].find((keys) => keys * headDim4 <= MOST_VALUES) ?? 8,
      ...scoreConstants(cache, dims),
      UNROLLED: unrolled(features),
    },
    buffers: { ...buffers, k_cache: segment.keys, v_cache: segment.values },
    grid: (tokens) => [Math.ceil((tokens * heads) / kvHeads / ROWS), kvHeads, 1],
  }));
}
