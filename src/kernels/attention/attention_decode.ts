import code from '../../../shaders/attention/attention_decode.wgsl?raw';
import type { BufferSlice } from '../../gpu/buffers.ts';
import type { GpuFeatures } from '../../gpu/device.ts';
import { defineKernel, variantFor } from '../../gpu/kernel.ts';
import type { DispatchSpec } from '../../gpu/plan.ts';
import { type KvCache, segmentParams } from './kv-cache.ts';
import { ATTENTION_SPLITS, type AttentionDims, scoreConstants } from './attention-shape.ts';

/**
 * Invocations a workgroup: all that every device allows, as a long context leaves few workgroups. A processor that plays a
 * GPU takes the lanes of a workgroup in turn: there, fewer.
 */
const workgroup = ({ subgroupSize }: GpuFeatures): number => (subgroupSize < 16 ? 64 : 256);
/** Query heads of a workgroup. */
const ROWS = 4;

export const attentionDecodeKernel = defineKernel({
  name: 'attention_decode',
  code,
  params: {
    heads: 'u32',
    kv_heads: 'u32',
    rope_dims: 'u32',
    scale: 'f32',
    segment_first: 'u32',
    segment_tokens: 'u32',
  },
  reads: ['qkv', 'rope'],
  writes: ['k_cache', 'v_cache', 'partial'],
  constants: ['WG', 'HEAD_DIM4', 'SPLITS', 'WINDOW', 'RING', 'CAP'],
  step: true,
});

/** f32 elements of `partial`. */
export function attentionPartialFloats(dims: AttentionDims): number {
  return ATTENTION_SPLITS * dims.heads * (dims.headDim + 4);
}

/**
 * RoPE, append to the cache and attention of one token over the splits of the keys: qkv (heads + 2J, headDim). A dispatch
 * for each segment of the cache, in order: each adds to `partial`.
 */
export function attentionDecode(
  features: GpuFeatures,
  label: string,
  buffers: { qkv: BufferSlice; rope: BufferSlice; partial: BufferSlice },
  cache: KvCache,
  dims: AttentionDims,
): DispatchSpec[] {
  const { heads, kvHeads, headDim, ropeDims, scale } = dims;
  return cache.segments.map((segment) => ({
    kernel: attentionDecodeKernel,
    variant: variantFor(features, cache.type),
    label,
    params: { heads, kv_heads: kvHeads, rope_dims: ropeDims, scale, ...segmentParams(segment) },
    constants: {
      WG: workgroup(features),
      HEAD_DIM4: headDim / 4,
      SPLITS: ATTENTION_SPLITS,
      ...scoreConstants(cache, dims),
    },
    buffers: { ...buffers, k_cache: segment.keys, v_cache: segment.values },
    grid: [ATTENTION_SPLITS, kvHeads * Math.ceil(heads / kvHeads / ROWS), 1],
  }));
}
