import code from '../../shaders/matvec.wgsl?raw';
import type { BufferSlice } from '../gpu/buffers.ts';
import type { GpuFeatures } from '../gpu/device.ts';
import { defineKernel, variantFor } from '../gpu/kernel.ts';
import type { DispatchSpec } from '../gpu/plan.ts';
import { foldedGrid } from './grid.ts';
import { type Matrix, matrixParams, matvecWorkgroup } from './matrix.ts';

export const matvecKernel = defineKernel({
  name: 'matvec',
  code,
  params: { rows: 'u32', first_row: 'u32', blocks: 'u32', columns4: 'u32' },
  reads: ['v', 'weights'],
  writes: ['y'],
  constants: ['WG', 'ADD'],
  step: false,
});

interface Buffers {
  v: BufferSlice;
  weights: Matrix;
  y: BufferSlice;
}

function dispatches(features: GpuFeatures, label: string, { v, weights, y }: Buffers, ADD: number): DispatchSpec[] {
  return weights.parts.map((part) => ({
    kernel: matvecKernel,
    variant: variantFor(features, weights.scheme),
    label,
    params: { ...matrixParams(weights, part) },
    constants: { WG: matvecWorkgroup(features, weights), ADD },
    buffers: { v, weights: part.slice, y },
    grid: foldedGrid(Math.ceil(part.rows / 4)),
  }));
}

/** y = W . v; v (C), weights (rows, C), y (rows). */
export function matvec(features: GpuFeatures, label: string, buffers: Buffers): DispatchSpec[] {
  return dispatches(features, label, buffers, 0);
}

/** y += W . v; v (C), weights (rows, C), y (rows). */
export function matvecAdd(features: GpuFeatures, label: string, buffers: Buffers): DispatchSpec[] {
  return dispatches(features, label, buffers, 1);
}
