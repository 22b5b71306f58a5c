import code from '../../shaders/matvec_add_prenorm.wgsl?raw';
import type { BufferSlice } from '../gpu/buffers.ts';
import type { GpuFeatures } from '../gpu/device.ts';
import { defineKernel } from '../gpu/kernel.ts';
import type { DispatchSpec } from '../gpu/plan.ts';
import { foldedGrid } from './grid.ts';
import { type Matrix, matrixParams, matvecTeams } from './matrix.ts';

export const matvecAddPrenormKernel = defineKernel({
  name: 'matvec_add_prenorm',
  code,
  params: { rows: 'u32', first_row: 'u32', blocks: 'u32', columns4: 'u32' },
  reads: ['v', 'weights', 'norm_weight'],
  writes: ['x', 'h', 'squares'],
  constants: ['WG', 'TEAM', 'SEGMENT'],
  step: false,
});

/** x += W . v; then h = x * normWeight and squares (rows / 4), for the norm that follows; v (C), weights (rows, C). */
export function matvecAddPrenorm(
  features: GpuFeatures,
  label: string,
  buffers: {
    v: BufferSlice;
    weights: Matrix;
    normWeight: BufferSlice;
    x: BufferSlice;
    h: BufferSlice;
    squares: BufferSlice;
  },
): DispatchSpec[] {
  const { v, weights, normWeight, x, h, squares } = buffers;
  const { variant, constants, rows } = matvecTeams(features, weights);
  return weights.parts.map((part) => ({
    kernel: matvecAddPrenormKernel,
    variant,
    label: `${label} / matvec_add_prenorm`,
    params: { ...matrixParams(weights, part) },
    constants,
    buffers: { v, weights: part.slice, norm_weight: normWeight, x, h, squares },
    grid: foldedGrid(Math.ceil(part.rows / rows)),
  }));
}
