import code from '../../shaders/matvec_add.wgsl?raw';
import type { BufferSlice } from '../gpu/buffers.ts';
import type { GpuFeatures } from '../gpu/device.ts';
import { defineKernel, variantFor } from '../gpu/kernel.ts';
import type { DispatchSpec } from '../gpu/plan.ts';
import { foldedGrid } from './grid.ts';
import { type Matrix, matrixParams, matvecWorkgroup } from './matrix.ts';

export const matvecAddKernel = defineKernel({
  name: 'matvec_add',
  code,
  params: { rows: 'u32', first_row: 'u32', blocks: 'u32', columns4: 'u32' },
  reads: ['v', 'weights'],
  writes: ['y'],
  constants: ['WG'],
  step: false,
});

/** y += W . v; v (C), weights (rows, C), y (rows). */
export function matvecAdd(
  features: GpuFeatures,
  label: string,
  buffers: { v: BufferSlice; weights: Matrix; y: BufferSlice },
): DispatchSpec[] {
  const { v, weights, y } = buffers;
  return weights.parts.map((part) => ({
    kernel: matvecAddKernel,
    variant: variantFor(features, weights.scheme),
    label: `${label} / matvec_add`,
    params: { ...matrixParams(weights, part) },
    constants: { WG: matvecWorkgroup(features, weights) },
    buffers: { v, weights: part.slice, y },
    grid: foldedGrid(Math.ceil(part.rows / 4)),
  }));
}
