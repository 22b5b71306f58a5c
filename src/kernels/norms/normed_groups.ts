import code from '../../../shaders/norms/normed_groups.wgsl?raw';
import type { BufferSlice } from '../../gpu/buffers.ts';
import type { GpuFeatures } from '../../gpu/device.ts';
import { defineKernel, variantFor } from '../../gpu/kernel.ts';
import type { DispatchSpec } from '../../gpu/plan.ts';

export const normedGroupsKernel = defineKernel({
  name: 'normed_groups',
  code,
  params: { width4: 'u32', sums: 'u32', eps: 'f32' },
  reads: ['squares'],
  writes: ['g'],
  constants: ['WG'],
  step: false,
});

const WG = 64;

/** g (columns) divided by the rms of its group, in place; `options.squares` partial sums of squares, group after group. */
export function normedGroups(
  features: GpuFeatures,
  label: string,
  buffers: { g: BufferSlice; squares: BufferSlice },
  options: { columns: number; groups: number; squares: number; eps: number },
): DispatchSpec {
  const { columns, groups, squares, eps } = options;
  const width4 = columns / groups / 4;
  return {
    kernel: normedGroupsKernel,
    variant: variantFor(features),
    label,
    params: { width4, sums: squares / groups, eps },
    constants: { WG },
    buffers,
    grid: [Math.ceil(width4 / WG), groups, 1],
  };
}
