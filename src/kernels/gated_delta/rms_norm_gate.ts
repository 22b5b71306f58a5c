import code from '../../../shaders/gated_delta/rms_norm_gate.wgsl?raw';
import type { BufferSlice } from '../../gpu/buffers.ts';
import type { GpuFeatures } from '../../gpu/device.ts';
import { defineKernel, variantFor } from '../../gpu/kernel.ts';
import type { DispatchSpec } from '../../gpu/plan.ts';

export const rmsNormGateKernel = defineKernel({
  name: 'rms_norm_gate',
  code,
  params: { dim4: 'u32', heads: 'u32', stride: 'u32', eps: 'f32' },
  reads: ['y', 'u', 'weight'],
  writes: ['out'],
  constants: ['WG'],
  step: false,
});

/** out = norm(y) * silu(z), a norm for each head; y, out (T, heads, dim), u (T, stride) begins with z, weight (dim). */
export function rmsNormGate(
  features: GpuFeatures,
  label: string,
  buffers: { y: BufferSlice; u: BufferSlice; weight: BufferSlice; out: BufferSlice },
  { dim, heads, stride, eps }: { dim: number; heads: number; stride: number; eps: number },
): DispatchSpec {
  return {
    kernel: rmsNormGateKernel,
    variant: variantFor(features),
    label,
    params: { dim4: dim / 4, heads, stride, eps },
    constants: { WG: 32 },
    buffers,
    grid: (tokens) => [heads, tokens, 1],
  };
}
