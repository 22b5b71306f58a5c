import code from '../../shaders/matmul_swiglu.wgsl?raw';
import type { BufferSlice } from '../gpu/buffers.ts';
import type { GpuFeatures } from '../gpu/device.ts';
import { defineKernel } from '../gpu/kernel.ts';
import type { DispatchSpec } from '../gpu/plan.ts';
import { type Matrix, matmulVariant, matrixParams } from './matrix.ts';
import { matmulDispatch } from './matmul-dispatch.ts';

export const matmulSwigluKernel = defineKernel({
  name: 'matmul_swiglu',
  code,
  params: { rows: 'u32', first_row: 'u32', blocks: 'u32', columns4: 'u32', stride: 'u32' },
  reads: ['x', 'weights'],
  writes: ['y'],
  constants: ['LANES_T', 'UNROLLED'],
  step: true,
});

/**
 * y[t, f] = silu(x[t] . W[2f]) * (x[t] . W[2f+1]); x (T, C), weights (2F, C) with gate and up rows in turn, y (T, F).
 * @param options.normed whether x comes out of a norm: half-precision tiles are used for such inputs only.
 */
export function matmulSwiglu(
  features: GpuFeatures,
  label: string,
  buffers: { x: BufferSlice; weights: Matrix; y: BufferSlice },
  options: { normed: boolean },
): DispatchSpec[] {
  const { x, weights, y } = buffers;
  return weights.parts.map((part) =>
    matmulDispatch(features, label, part, {
      kernel: matmulSwigluKernel,
      variant: matmulVariant(features, weights, options.normed),
      params: { ...matrixParams(weights, part), stride: weights.rows / 2 },
      buffers: { x, weights: part.slice, y },
    }),
  );
}
