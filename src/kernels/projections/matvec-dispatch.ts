import type { BufferSlice } from '../../gpu/buffers.ts';
import type { GpuFeatures } from '../../gpu/device.ts';
import type { Kernel } from '../../gpu/kernel.ts';
import type { DispatchSpec } from '../../gpu/plan.ts';
import { foldedGrid } from '../shared/grid.ts';
import { type Matrix, matrixParams, matvecTeams } from './matrix.ts';

/** Partial sums of squares that a matvec's input comes with. */
export interface InputNorm {
  /** How many there are. */
  squares: number;
  eps: number;
}

/** `InputNorm` as parameters. */
export function normParams({ squares, eps }: InputNorm): { squares4: number; eps: number } {
  return { squares4: Math.ceil(squares / 4), eps };
}

/** The dispatches of a kernel whose teams multiply a vector by four rows of a matrix each: one for each part of it. */
export function matvecDispatches(
  features: GpuFeatures,
  label: string,
  kernel: Kernel,
  weights: Matrix,
  buffers: Readonly<Record<string, BufferSlice>>,
  params: Readonly<Record<string, number>> = {},
): DispatchSpec[] {
  const { variant, constants, rows } = matvecTeams(features, weights);
  return weights.parts.map((part) => ({
    kernel,
    variant,
    label,
    params: { ...matrixParams(weights, part), ...params },
    constants,
    buffers: { ...buffers, weights: part.slice },
    grid: foldedGrid(Math.ceil(part.rows / rows)),
  }));
}
