import code from '../../../shaders/mamba1/silu_gate.wgsl?raw';
import type { BufferSlice } from '../../gpu/buffers.ts';
import type { GpuFeatures } from '../../gpu/device.ts';
import { defineKernel, variantFor } from '../../gpu/kernel.ts';
import type { DispatchSpec } from '../../gpu/plan.ts';

export const siluGateKernel = defineKernel({
  name: 'silu_gate',
  code,
  params: { columns4: 'u32', stride: 'u32' },
  reads: ['y', 'u'],
  writes: ['out'],
  constants: ['WG'],
  step: true,
});

const WG = 64;

/** out = y * silu(z); y, out (T, columns), u (T, stride) begins with z. */
export function siluGate(
  features: GpuFeatures,
  label: string,
  buffers: { y: BufferSlice; u: BufferSlice; out: BufferSlice },
  { columns, stride }: { columns: number; stride: number },
): DispatchSpec {
  return {
    kernel: siluGateKernel,
    variant: variantFor(features),
    label,
    params: { columns4: columns / 4, stride },
    constants: { WG },
    buffers,
    grid: (tokens) => [Math.ceil(columns / 4 / WG), tokens, 1],
  };
}
