import code from '../../shaders/attention_merge_matvec_add_prenorm.wgsl?raw';
import type { BufferSlice } from '../gpu/buffers.ts';
import type { GpuFeatures } from '../gpu/device.ts';
import { defineKernel, variantFor } from '../gpu/kernel.ts';
import type { DispatchSpec } from '../gpu/plan.ts';
import { foldedGrid } from './grid.ts';
import { type Matrix, matrixParams, matvecWorkgroup } from './matrix.ts';
import { ATTENTION_SPLITS, type AttentionDims } from './attention-shape.ts';

/** Rows of a workgroup. */
const ROWS = 16;

export const attentionMergeMatvecAddPrenormKernel = defineKernel({
  name: 'attention_merge_matvec_add_prenorm',
  code,
  params: { rows: 'u32', first_row: 'u32', blocks: 'u32', columns4: 'u32', head_dim4: 'u32' },
  reads: ['partial', 'weights', 'norm_weight'],
  writes: ['x', 'h', 'squares'],
  constants: ['WG', 'SPLITS', 'HEADS'],
  step: true,
});

/** x += W . o, o the merge of the splits' partial attention (see attention_decode); then h = x * normWeight and squares (rows / 4), for the norm that follows. */
export function attentionMergeMatvecAddPrenorm(
  features: GpuFeatures,
  label: string,
  buffers: {
    partial: BufferSlice;
    weights: Matrix;
    normWeight: BufferSlice;
    x: BufferSlice;
    h: BufferSlice;
    squares: BufferSlice;
  },
  dims: AttentionDims,
): DispatchSpec[] {
  const { partial, weights, normWeight, x, h, squares } = buffers;
  return weights.parts.map((part) => ({
    kernel: attentionMergeMatvecAddPrenormKernel,
    variant: variantFor(features, weights.scheme),
    label: `${label} / attention_merge_matvec_add_prenorm`,
    params: { ...matrixParams(weights, part), head_dim4: dims.headDim / 4 },
    constants: { WG: matvecWorkgroup(features, weights), SPLITS: ATTENTION_SPLITS, HEADS: dims.heads },
    buffers: { partial, weights: part.slice, norm_weight: normWeight, x, h, squares },
    grid: foldedGrid(Math.ceil(part.rows / ROWS)),
  }));
}
