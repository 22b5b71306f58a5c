import code from '../../shaders/normed_matvec.wgsl?raw';
import type { BufferSlice } from '../gpu/buffers.ts';
import type { GpuFeatures } from '../gpu/device.ts';
import { defineKernel } from '../gpu/kernel.ts';
import type { DispatchSpec } from '../gpu/plan.ts';
import { foldedGrid } from './grid.ts';
import { type Matrix, matrixParams, matvecTeams } from './matrix.ts';

export const normedMatvecKernel = defineKernel({
  name: 'normed_matvec',
  code,
  params: { rows: 'u32', first_row: 'u32', blocks: 'u32', columns4: 'u32', squares4: 'u32', eps: 'f32', scale: 'f32' },
  reads: ['h', 'squares', 'weights'],
  writes: ['y'],
  constants: ['WG', 'TEAM', 'SEGMENT'],
  step: false,
});

/** y = scale * W . h / rms, with h the input times the norm's weight and `options.squares` partial sums of its squares; weights (rows, C), y (rows). */
export function normedMatvec(
  features: GpuFeatures,
  label: string,
  buffers: { h: BufferSlice; squares: BufferSlice; weights: Matrix; y: BufferSlice },
  options: { squares: number; eps: number; scale?: number },
): DispatchSpec[] {
  const { h, squares, weights, y } = buffers;
  const { variant, constants, rows } = matvecTeams(features, weights);
  return weights.parts.map((part) => ({
    kernel: normedMatvecKernel,
    variant,
    label: `${label} / normed_matvec`,
    params: {
      ...matrixParams(weights, part),
      squares4: Math.ceil(options.squares / 4),
      eps: options.eps,
      scale: options.scale ?? 1,
    },
    constants,
    buffers: { h, squares, weights: part.slice, y },
    grid: foldedGrid(Math.ceil(part.rows / rows)),
  }));
}
