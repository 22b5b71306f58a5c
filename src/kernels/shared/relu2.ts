import code from '../../../shaders/shared/relu2.wgsl?raw';
import type { BufferSlice } from '../../gpu/buffers.ts';
import type { GpuFeatures } from '../../gpu/device.ts';
import { defineKernel, variantFor } from '../../gpu/kernel.ts';
import type { DispatchSpec } from '../../gpu/plan.ts';
import { ACTIVATION_NUMBERS, type KernelActivation } from './activations.ts';

export const relu2Kernel = defineKernel({
  name: 'relu2',
  code,
  params: { columns4: 'u32' },
  reads: [],
  writes: ['y'],
  constants: ['WG', 'ACTIVATION'],
  step: true,
});

const WG = 64;

/** y = activation(y) in place, by default squared ReLU; y (T, columns). */
export function relu2(
  features: GpuFeatures,
  label: string,
  y: BufferSlice,
  columns: number,
  activation: KernelActivation = 'relu2',
): DispatchSpec {
  return {
    kernel: relu2Kernel,
    variant: variantFor(features),
    label,
    params: { columns4: columns / 4 },
    constants: { WG, ACTIVATION: ACTIVATION_NUMBERS[activation] },
    buffers: { y },
    grid: (tokens) => [Math.ceil(columns / 4 / WG), tokens, 1],
  };
}
