import code from '../../../shaders/shared/embed.wgsl?raw';
import type { BufferSlice } from '../../gpu/buffers.ts';
import type { GpuFeatures } from '../../gpu/device.ts';
import { defineKernel, variantFor } from '../../gpu/kernel.ts';
import type { DispatchSpec } from '../../gpu/plan.ts';
import { type Matrix, matrixParams, rowBlocks } from '../projections/matrix.ts';

export const embedKernel = defineKernel({
  name: 'embed',
  code,
  params: { rows: 'u32', first_row: 'u32', blocks: 'u32', columns4: 'u32', scale: 'f32' },
  reads: ['ids', 'weights'],
  writes: ['x'],
  constants: ['WG'],
  step: true,
});

/** x[t, :] = scale * weights[ids[t], :]; ids (T) u32, weights (V, C), x (T, C). One dispatch a part of the table. */
export function embed(
  features: GpuFeatures,
  label: string,
  buffers: { ids: BufferSlice; weights: Matrix; x: BufferSlice },
  scale = 1,
): DispatchSpec[] {
  const { ids, weights, x } = buffers;
  const groups = Math.ceil(rowBlocks(weights) / 64);
  return weights.parts.map((part) => ({
    kernel: embedKernel,
    variant: variantFor(features, weights.scheme),
    label,
    params: { ...matrixParams(weights, part), scale },
    constants: { WG: 64 },
    buffers: { ids, weights: part.slice, x },
    grid: (tokens) => [groups, tokens, 1],
  }));
}
