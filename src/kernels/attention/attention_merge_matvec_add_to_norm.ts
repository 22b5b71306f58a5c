import code from '../../../shaders/attention/attention_merge_matvec_add_to_norm.wgsl?raw';
import type { BufferSlice } from '../../gpu/buffers.ts';
import type { GpuFeatures } from '../../gpu/device.ts';
import { defineKernel, variantFor } from '../../gpu/kernel.ts';
import type { DispatchSpec } from '../../gpu/plan.ts';
import { foldedGrid } from '../shared/grid.ts';
import { type Matrix, matrixParams, matvecWorkgroup } from '../projections/matrix.ts';
import { ATTENTION_SPLITS, type AttentionDims, mergedTokens } from './attention-shape.ts';
import type { KvCache } from './kv-cache.ts';
import { streamBuffers, type StreamToNorm } from '../shared/to-norm.ts';

/** Rows of a workgroup. */
const ROWS = 16;

export const attentionMergeMatvecAddToNormKernel = defineKernel({
  name: 'attention_merge_matvec_add_to_norm',
  code,
  params: {
    rows: 'u32',
    first_row: 'u32',
    blocks: 'u32',
    columns4: 'u32',
    head_dim4: 'u32',
    segment_tokens: 'u32',
  },
  reads: ['partial', 'weights', 'norm_weight'],
  writes: ['x', 'h', 'x_squares'],
  constants: ['WG', 'SPLITS', 'HEADS'],
  step: true,
});

/** x += W . o, o the merge of the splits' partial attention (see attention_decode); then h = x * normWeight and squares (rows / 4), for the norm that follows. */
export function attentionMergeMatvecAddToNorm(
  features: GpuFeatures,
  label: string,
  { partial, weights, ...stream }: StreamToNorm & { partial: BufferSlice; weights: Matrix },
  cache: KvCache,
  dims: AttentionDims,
): DispatchSpec[] {
  const segment_tokens = mergedTokens(cache, dims);
  return weights.parts.map((part) => ({
    kernel: attentionMergeMatvecAddToNormKernel,
    variant: variantFor(features, weights.scheme),
    label,
    params: { ...matrixParams(weights, part), head_dim4: dims.headDim / 4, segment_tokens },
    constants: { WG: matvecWorkgroup(features, weights), SPLITS: ATTENTION_SPLITS, HEADS: dims.heads },
    buffers: { partial, weights: part.slice, ...streamBuffers(stream) },
    grid: foldedGrid(Math.ceil(part.rows / ROWS)),
  }));
}
