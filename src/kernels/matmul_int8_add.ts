import code from '../../shaders/matmul_int8_add.wgsl?raw';
import type { BufferSlice } from '../gpu/buffers.ts';
import type { GpuFeatures } from '../gpu/device.ts';
import { defineKernel, variantFor } from '../gpu/kernel.ts';
import type { DispatchSpec } from '../gpu/plan.ts';
import { type Matrix, rowBlocks } from './matrix.ts';
import { matmulDispatch } from './matmul-dispatch.ts';
import { quantizedRowBlocks, type QuantizedRows } from './quantize_rows.ts';

export const matmulInt8AddKernel = defineKernel({
  name: 'matmul_int8_add',
  code,
  params: { rows: 'u32', first_row: 'u32', blocks: 'u32', x_blocks: 'u32', stride: 'u32' },
  reads: ['x', 'x_scale', 'weights'],
  writes: ['y'],
  constants: ['LANES_T', 'UNROLLED'],
  step: true,
});

/** y += x . W^T; x (T, C) in int8, weights (rows, C), y (T, rows); the weights are of scheme int8 or int4. */
export function matmulInt8Add(
  features: GpuFeatures,
  label: string,
  buffers: QuantizedRows & { weights: Matrix; y: BufferSlice },
): DispatchSpec[] {
  const { x, x_scale, weights, y } = buffers;
  const blocks = rowBlocks(weights);
  const x_blocks = quantizedRowBlocks(weights.columns);
  return weights.parts.map((part) =>
    matmulDispatch(features, label, part, {
      kernel: matmulInt8AddKernel,
      variant: variantFor(features, weights.scheme),
      params: { rows: part.rows, first_row: part.firstRow, blocks, x_blocks, stride: weights.rows },
      buffers: { x, x_scale, weights: part.slice, y },
    }),
  );
}
