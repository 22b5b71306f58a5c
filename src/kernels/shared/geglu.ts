import code from '../../../shaders/shared/geglu.wgsl?raw';
import type { BufferSlice } from '../../gpu/buffers.ts';
import type { GpuFeatures } from '../../gpu/device.ts';
import { defineKernel, variantFor } from '../../gpu/kernel.ts';
import type { DispatchSpec } from '../../gpu/plan.ts';
import { ACTIVATION_NUMBERS, type KernelActivation } from './activations.ts';

export const gegluKernel = defineKernel({
  name: 'geglu',
  code,
  params: { pairs: 'u32' },
  reads: ['u'],
  writes: ['y'],
  constants: ['WG', 'ACTIVATION'],
  step: false,
});

const WG = 64;

/** y[t, f] = activation(u[t, 2f]) * u[t, 2f + 1], by default with GELU; u (T, 2F), y (T, F), `columns` being F, an even number. */
export function geglu(
  features: GpuFeatures,
  label: string,
  buffers: { u: BufferSlice; y: BufferSlice },
  { columns, activation = 'gelu' }: { columns: number; activation?: KernelActivation },
): DispatchSpec {
  return {
    kernel: gegluKernel,
    variant: variantFor(features),
    label,
    params: { pairs: columns / 2 },
    constants: { WG, ACTIVATION: ACTIVATION_NUMBERS[activation] },
    buffers,
    grid: (tokens) => [Math.ceil(columns / 2 / WG), tokens, 1],
  };
}
