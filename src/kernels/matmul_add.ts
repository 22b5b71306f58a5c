import code from '../../shaders/matmul_add.wgsl?raw';
import type { BufferSlice } from '../gpu/buffers.ts';
import type { GpuFeatures } from '../gpu/device.ts';
import { defineKernel } from '../gpu/kernel.ts';
import type { DispatchSpec } from '../gpu/plan.ts';
import { type Matrix, matmulVariant, matrixParams } from './matrix.ts';
import { matmulDispatch } from './matmul-dispatch.ts';

export const matmulAddKernel = defineKernel({
  name: 'matmul_add',
  code,
  params: { rows: 'u32', first_row: 'u32', blocks: 'u32', columns4: 'u32', stride: 'u32' },
  reads: ['x', 'weights'],
  writes: ['y'],
  constants: ['LANES_T', 'UNROLLED'],
  step: true,
});

/**
 * y += x . W^T; x (T, C), weights (rows, C), y (T, rows).
 * @param options.normed whether x comes out of a norm: half-precision tiles are used for such inputs only.
 */
export function matmulAdd(
  features: GpuFeatures,
  label: string,
  buffers: { x: BufferSlice; weights: Matrix; y: BufferSlice },
  options: { normed: boolean },
): DispatchSpec[] {
  const { x, weights, y } = buffers;
  return weights.parts.map((part) =>
    matmulDispatch(features, label, part, {
      kernel: matmulAddKernel,
      variant: matmulVariant(features, weights, options.normed),
      params: { ...matrixParams(weights, part), stride: weights.rows },
      buffers: { x, weights: part.slice, y },
    }),
  );
}
