import code from '../../shaders/matmul.wgsl?raw';
import type { BufferSlice } from '../gpu/buffers.ts';
import type { GpuFeatures } from '../gpu/device.ts';
import { defineKernel } from '../gpu/kernel.ts';
import type { DispatchSpec } from '../gpu/plan.ts';
import { type Matrix, matmulVariant, matrixParams } from './matrix.ts';
import { matmulDispatch } from './matmul-dispatch.ts';

export const matmulKernel = defineKernel({
  name: 'matmul',
  code,
  params: { rows: 'u32', first_row: 'u32', blocks: 'u32', columns4: 'u32', stride: 'u32', scale: 'f32' },
  reads: ['x', 'weights'],
  writes: ['y'],
  constants: ['LANES_T', 'UNROLLED'],
  step: true,
});

/**
 * y = scale * x . W^T; x (T, C), weights (rows, C), y (T, rows).
 * @param options.normed whether x comes out of a norm: half-precision tiles are used for such inputs only.
 */
export function matmul(
  features: GpuFeatures,
  label: string,
  buffers: { x: BufferSlice; weights: Matrix; y: BufferSlice },
  options: { normed: boolean; scale?: number },
): DispatchSpec[] {
  const { x, weights, y } = buffers;
  return weights.parts.map((part) =>
    matmulDispatch(features, label, part, {
      kernel: matmulKernel,
      variant: matmulVariant(features, weights, options.normed),
      params: { ...matrixParams(weights, part), stride: weights.rows, scale: options.scale ?? 1 },
      buffers: { x, weights: part.slice, y },
    }),
  );
}
