import code from '../../../shaders/projections/matvec.wgsl?raw';
import type { BufferSlice } from '../../gpu/buffers.ts';
import type { GpuFeatures } from '../../gpu/device.ts';
import { defineKernel, variantFor } from '../../gpu/kernel.ts';
import type { DispatchSpec } from '../../gpu/plan.ts';
import { foldedGrid } from '../shared/grid.ts';
import { type Matrix, matrixParams, matvecWorkgroup } from './matrix.ts';
import { type Action, ACTIONS, type GatedAction } from './projection.ts';

export const matvecKernel = defineKernel({
  name: 'matvec',
  code,
  params: { rows: 'u32', first_row: 'u32', blocks: 'u32', columns4: 'u32' },
  reads: ['v', 'weights'],
  writes: ['y'],
  constants: ['WG', 'ACTION'],
  step: false,
});

/** y = W . v, or y += W . v where `action` is `add`; v (C), weights (rows, C), y (rows). */
export function matvec(
  features: GpuFeatures,
  label: string,
  { v, weights, y }: { v: BufferSlice; weights: Matrix; y: BufferSlice },
  action: Exclude<Action, GatedAction> = 'set',
): DispatchSpec[] {
  return weights.parts.map((part) => ({
    kernel: matvecKernel,
    variant: variantFor(features, weights.scheme),
    label,
    params: matrixParams(weights, part),
    constants: { WG: matvecWorkgroup(features, weights), ACTION: ACTIONS[action] },
    buffers: { v, weights: part.slice, y },
    grid: foldedGrid(Math.ceil(part.rows / 4)),
  }));
}
