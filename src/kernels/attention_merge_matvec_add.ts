import code from '../../shaders/attention_merge_matvec_add.wgsl?raw';
import type { BufferSlice } from '../gpu/buffers.ts';
import type { GpuFeatures } from '../gpu/device.ts';
import { defineKernel, variantFor } from '../gpu/kernel.ts';
import type { DispatchSpec } from '../gpu/plan.ts';
import { foldedGrid } from './grid.ts';
import { type Matrix, matrixParams, matvecWorkgroup } from './matrix.ts';

export const attentionMergeMatvecAddKernel = defineKernel({
  name: 'attention_merge_matvec_add',
  code,
  params: { rows: 'u32', first_row: 'u32', blocks: 'u32', columns4: 'u32', head_dim4: 'u32' },
  reads: ['partial', 'weights'],
  writes: ['y'],
  constants: ['WG', 'SPLITS'],
  step: false,
});

/** y += W . o, o the merge of the partial attention of `splits` splits (see attention_decode); weights (rows, heads * headDim), y (rows). */
export function attentionMergeMatvecAdd(
  features: GpuFeatures,
  label: string,
  buffers: { partial: BufferSlice; weights: Matrix; y: BufferSlice },
  options: { headDim: number; splits: number },
): DispatchSpec[] {
  const { partial, weights, y } = buffers;
  return weights.parts.map((part) => ({
    kernel: attentionMergeMatvecAddKernel,
    variant: variantFor(features, weights.scheme),
    label: `${label} / attention_merge_matvec_add`,
    params: { ...matrixParams(weights, part), head_dim4: options.headDim / 4 },
    constants: { WG: matvecWorkgroup(features, weights), SPLITS: options.splits },
    buffers: { partial, weights: part.slice, y },
    grid: foldedGrid(Math.ceil(part.rows / 4)),
  }));
}
