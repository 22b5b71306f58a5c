import code from '../../../shaders/attention/attention_merge.wgsl?raw';
import type { BufferSlice } from '../../gpu/buffers.ts';
import type { GpuFeatures } from '../../gpu/device.ts';
import { defineKernel, variantFor } from '../../gpu/kernel.ts';
import type { DispatchSpec } from '../../gpu/plan.ts';
import { ATTENTION_SPLITS, type AttentionDims, mergedTokens } from './attention-shape.ts';
import type { KvCache } from './kv-cache.ts';

export const attentionMergeKernel = defineKernel({
  name: 'attention_merge',
  code,
  params: { heads: 'u32', head_dim4: 'u32', segment_tokens: 'u32' },
  reads: ['partial'],
  writes: ['o'],
  constants: ['WG', 'SPLITS'],
  step: true,
});

const WG = 64;

/** o (heads, headDim): the merge of the splits' partial attention, see attention_decode. */
export function attentionMerge(
  features: GpuFeatures,
  label: string,
  buffers: { partial: BufferSlice; o: BufferSlice },
  cache: KvCache,
  dims: AttentionDims,
): DispatchSpec {
  const { heads, headDim } = dims;
  return {
    kernel: attentionMergeKernel,
    variant: variantFor(features),
    label,
    params: { heads, head_dim4: headDim / 4, segment_tokens: mergedTokens(cache, dims) },
    constants: { WG, SPLITS: ATTENTION_SPLITS },
    buffers,
    grid: [heads, 1, 1],
  };
}
