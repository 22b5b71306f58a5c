import code from '../../shaders/normed_matvec_add_prenorm.wgsl?raw';
import type { BufferSlice } from '../gpu/buffers.ts';
import type { GpuFeatures } from '../gpu/device.ts';
import { defineKernel } from '../gpu/kernel.ts';
import type { DispatchSpec } from '../gpu/plan.ts';
import { foldedGrid } from './grid.ts';
import { type Matrix, matrixParams, matvecTeams } from './matrix.ts';

export const normedMatvecAddPrenormKernel = defineKernel({
  name: 'normed_matvec_add_prenorm',
  code,
  params: { rows: 'u32', first_row: 'u32', blocks: 'u32', columns4: 'u32', squares4: 'u32', eps: 'f32' },
  reads: ['g', 'g_squares', 'weights', 'norm_weight'],
  writes: ['x', 'h', 'squares'],
  constants: ['WG', 'TEAM', 'SEGMENT'],
  step: false,
});

/** x += W . g / rms(gated), `options.squares` partial sums in gSquares; then h = x * normWeight and squares (rows / 4), for the norm that follows. */
export function normedMatvecAddPrenorm(
  features: GpuFeatures,
  label: string,
  buffers: {
    g: BufferSlice;
    gSquares: BufferSlice;
    weights: Matrix;
    normWeight: BufferSlice;
    x: BufferSlice;
    h: BufferSlice;
    squares: BufferSlice;
  },
  options: { squares: number; eps: number },
): DispatchSpec[] {
  const { g, gSquares, weights, normWeight, x, h, squares } = buffers;
  const { variant, constants, rows } = matvecTeams(features, weights);
  return weights.parts.map((part) => ({
    kernel: normedMatvecAddPrenormKernel,
    variant,
    label: `${label} / normed_matvec_add_prenorm`,
    params: { ...matrixParams(weights, part), squares4: Math.ceil(options.squares / 4), eps: options.eps },
    constants,
    buffers: { g, g_squares: gSquares, weights: part.slice, norm_weight: normWeight, x, h, squares },
    grid: foldedGrid(Math.ceil(part.rows / rows)),
  }));
}
