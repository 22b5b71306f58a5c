import code from '../../../shaders/rg_lru/conv1d_rg_lru_update.wgsl?raw';
import type { BufferSlice } from '../../gpu/buffers.ts';
import type { GpuFeatures } from '../../gpu/device.ts';
import { defineKernel, variantFor } from '../../gpu/kernel.ts';
import type { DispatchSpec } from '../../gpu/plan.ts';
import type { RgLruDims } from './rg-lru-shape.ts';

export const conv1dRgLruUpdateKernel = defineKernel({
  name: 'conv1d_rg_lru_update',
  code,
  params: { heads: 'u32' },
  reads: ['u', 'conv_weight', 'gates', 'vectors'],
  writes: ['conv_state', 'ssm_state', 'out'],
  constants: ['WG', 'D'],
  step: true,
});

const WG = 64;

/**
 * One token through conv, recurrence and gate. u (2w) is z, then raw inputs; gates are (2, heads, D, D). vectors (4, w)
 * has two biases, the parameter and the bias of the convolution. conv_state (4, w) and ssm_state (w) move on.
 */
export function conv1dRgLruUpdate(
  features: GpuFeatures,
  label: string,
  buffers: {
    u: BufferSlice;
    conv_weight: BufferSlice;
    gates: BufferSlice;
    vectors: BufferSlice;
    conv_state: BufferSlice;
    ssm_state: BufferSlice;
    out: BufferSlice;
  },
  { width, heads }: RgLruDims,
): DispatchSpec {
  return {
    kernel: conv1dRgLruUpdateKernel,
    variant: variantFor(features),
    label,
    params: { heads },
    constants: { WG, D: width / heads },
    buffers,
    grid: [Math.ceil(width / heads / WG), heads, 1],
  };
}
