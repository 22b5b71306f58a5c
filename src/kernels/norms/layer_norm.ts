import code from '../../../shaders/norms/layer_norm.wgsl?raw';
import type { BufferSlice } from '../../gpu/buffers.ts';
import type { GpuFeatures } from '../../gpu/device.ts';
import { defineKernel, variantFor } from '../../gpu/kernel.ts';
import type { DispatchSpec } from '../../gpu/plan.ts';

export const layerNormKernel = defineKernel({
  name: 'layer_norm',
  code,
  params: { columns4: 'u32', eps: 'f32' },
  reads: ['x', 'weight', 'bias'],
  writes: ['y'],
  constants: ['WG', 'LAST'],
  step: true,
});

/**
 * y = layer_norm(x) row by row; x, y (T, columns), weight and bias (columns).
 * @param options.last whether the last row of x alone is normed, which becomes the first of y.
 */
export function layerNorm(
  features: GpuFeatures,
  label: string,
  buffers: { x: BufferSlice; weight: BufferSlice; bias: BufferSlice; y: BufferSlice },
  { columns, eps, last = false }: { columns: number; eps: number; last?: boolean },
): DispatchSpec {
  return {
    kernel: layerNormKernel,
    variant: variantFor(features),
    label,
    params: { columns4: columns / 4, eps },
    constants: { WG: 128, LAST: last ? 1 : 0 },
    buffers,
    grid: last ? [1, 1, 1] : (tokens) => [tokens, 1, 1],
  };
}
