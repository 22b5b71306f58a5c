import code from '../../../shaders/attention/attention_decode.wgsl?raw';
import type { BufferSlice } from '../../gpu/buffers.ts';
import type { GpuFeatures } from '../../gpu/device.ts';
import { defineKernel, variantFor } from '../../gpu/kernel.ts';
import type { DispatchSpec } from '../../gpu/plan.ts';
import { ATTENTION_SPLITS, type AttentionDims } from './attention-shape.ts';

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
  params: { heads: 'u32', kv_heads: 'u32', rope_dims: 'u32', scale: 'f32' },
  reads: ['qkv', 'rope'],
  writes: ['k_cache', 'v_cache', 'partial'],
  constants: ['WG', 'HEAD_DIM4', 'SPLITS'],
  step: true,
});

/** f32 elements of `partial`. */
export function attentionPartialFloats(dims: AttentionDims): number {
  return ATTENTION_SPLITS * dims.heads * (dims.headDim + 4);
}

/** RoPE, append to the cache and attention of one token over the keys' splits: qkv (heads + 2J, headDim), caches (capacity, J, headDim). */
export function attentionDecode(
  features: GpuFeatures,
  label: string,
  buffers: {
    qkv: BufferSlice;
    rope: BufferSlice;
    k_cache: BufferSlice;
    v_cache: BufferSlice;
    partial: BufferSlice;
  },
  dims: AttentionDims,
): DispatchSpec {
  const groupSize = dims.heads / dims.kvHeads;
  return {
    kernel: attentionDecodeKernel,
    variant: variantFor(features),
    label,
    params: { heads: dims.heads, kv_heads: dims.kvHeads, rope_dims: dims.ropeDims, scale: dims.scale },
    constants: { WG: workgroup(features), HEAD_DIM4: dims.headDim / 4, SPLITS: ATTENTION_SPLITS },
    buffers,
    grid: [ATTENTION_SPLITS, dims.kvHeads * Math.ceil(groupSize / ROWS), 1],
  };
}
