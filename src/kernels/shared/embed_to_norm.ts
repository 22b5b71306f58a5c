import code from '../../../shaders/shared/embed_to_norm.wgsl?raw';
import type { BufferSlice } from '../../gpu/buffers.ts';
import type { GpuFeatures } from '../../gpu/device.ts';
import { defineKernel, variantFor } from '../../gpu/kernel.ts';
import type { DispatchSpec } from '../../gpu/plan.ts';
import { type Matrix, matrixParams } from '../projections/matrix.ts';
import { streamBuffers, type StreamToNorm } from './to-norm.ts';

export const embedToNormKernel = defineKernel({
  name: 'embed_to_norm',
  code,
  params: { rows: 'u32', first_row: 'u32', blocks: 'u32', columns4: 'u32', scale: 'f32' },
  reads: ['ids', 'weights', 'norm_weight'],
  writes: ['x', 'h', 'x_squares'],
  constants: ['WG'],
  step: false,
});

/** x = scale * weights[ids[0]], h = x * normWeight and squares[0], for the norm that follows. One dispatch a part of the table. */
export function embedToNorm(
  features: GpuFeatures,
  label: string,
  { ids, weights, ...stream }: StreamToNorm & { ids: BufferSlice; weights: Matrix },
  scale = 1,
): DispatchSpec[] {
  return weights.parts.map((part) => ({
    kernel: embedToNormKernel,
    variant: variantFor(features, weights.scheme),
    label,
    params: { ...matrixParams(weights, part), scale },
    constants: { WG: 256 },
    buffers: { ids, weights: part.slice, ...streamBuffers(stream) },
    grid: [1, 1, 1],
  }));
}
