import code from '../../../shaders/norms/rms_norm_gated.wgsl?raw';
import type { BufferSlice } from '../../gpu/buffers.ts';
import type { GpuFeatures } from '../../gpu/device.ts';
import { defineKernel, variantFor } from '../../gpu/kernel.ts';
import type { DispatchSpec } from '../../gpu/plan.ts';

export const rmsNormGatedKernel = defineKernel({
  name: 'rms_norm_gated',
  code,
  params: { columns4: 'u32', stride: 'u32', groups: 'u32', eps: 'f32' },
  reads: ['y', 'u', 'weight'],
  writes: ['out'],
  constants: ['WG', 'GATE_LAST'],
  step: false,
});

/**
 * out = rms_norm(y * silu(z)), or rms_norm(y) * silu(z) where `options.gateLast`, each norm group apart; y, out (T, columns),
 * u (T, stride) begins with z, weight (columns).
 */
export function rmsNormGated(
  features: GpuFeatures,
  label: string,
  buffers: { y: BufferSlice; u: BufferSlice; weight: BufferSlice; out: BufferSlice },
  options: { columns: number; stride: number; groups: number; eps: number; gateLast?: boolean | undefined },
): DispatchSpec {
  const { columns, stride, groups, eps, gateLast = false } = options;
  return {
    kernel: rmsNormGatedKernel,
    variant: variantFor(features),
    label,
    params: { columns4: columns / 4, stride, groups, eps },
    constants: { WG: 128, GATE_LAST: gateLast ? 1 : 0 },
    buffers,
    grid: (tokens) => [tokens, groups, 1],
  };
}
