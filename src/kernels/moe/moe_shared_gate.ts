import code from '../../../shaders/moe/moe_shared_gate.wgsl?raw';
import type { BufferSlice } from '../../gpu/buffers.ts';
import type { GpuFeatures } from '../../gpu/device.ts';
import { defineKernel, variantFor } from '../../gpu/kernel.ts';
import type { DispatchSpec } from '../../gpu/plan.ts';

export const moeSharedGateKernel = defineKernel({
  name: 'moe_shared_gate',
  code,
  params: { columns4: 'u32', stride: 'u32', column: 'u32' },
  reads: ['logits'],
  writes: ['y'],
  constants: ['WG'],
  step: false,
});

const WG = 64;

/** y (T, columns) times the sigmoid of column `column` of logits (T, stride), in place. */
export function moeSharedGate(
  features: GpuFeatures,
  label: string,
  buffers: { logits: BufferSlice; y: BufferSlice },
  { columns, stride, column }: { columns: number; stride: number; column: number },
): DispatchSpec {
  return {
    kernel: moeSharedGateKernel,
    variant: variantFor(features),
    label,
    params: { columns4: columns / 4, stride, column },
    constants: { WG },
    buffers,
    grid: (tokens) => [Math.ceil(columns / 4 / WG), tokens, 1],
  };
}
