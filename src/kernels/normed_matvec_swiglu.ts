import code from '../../shaders/normed_matvec_swiglu.wgsl?raw';
import type { BufferSlice } from '../gpu/buffers.ts';
import type { GpuFeatures } from '../gpu/device.ts';
import { defineKernel } from '../gpu/kernel.ts';
import type { DispatchSpec } from '../gpu/plan.ts';
import { foldedGrid } from './grid.ts';
import { type Matrix, matrixParams, matvecTeams } from './matrix.ts';

export const normedMatvecSwigluKernel = defineKernel({
  name: 'normed_matvec_swiglu',
  code,
  params: { rows: 'u32', first_row: 'u32', blocks: 'u32', columns4: 'u32', squares4: 'u32', eps: 'f32' },
  reads: ['h', 'squares', 'weights'],
  writes: ['y'],
  constants: ['WG', 'TEAM', 'SEGMENT'],
  step: false,
});

/** y[f] = silu(W[2f] . n) * (W[2f+1] . n), n = h / rms, `options.squares` partial sums of squares; weights (2F, C) with gate and up rows in turn, y (F). */
export function normedMatvecSwiglu(
  features: GpuFeatures,
  label: string,
  buffers: { h: BufferSlice; squares: BufferSlice; weights: Matrix; y: BufferSlice },
  options: { squares: number; eps: number },
): DispatchSpec[] {
  const { h, squares, weights, y } = buffers;
  const { variant, constants, rows } = matvecTeams(features, weights);
  return weights.parts.map((part) => ({
    kernel: normedMatvecSwigluKernel,
    variant,
    label: `${label} / normed_matvec_swiglu`,
    params: { ...matrixParams(weights, part), squares4: Math.ceil(options.squares / 4), eps: options.eps },
    constants,
    buffers: { h, squares, weights: part.slice, y },
    grid: foldedGrid(Math.ceil(part.rows / rows)),
  }));
}
