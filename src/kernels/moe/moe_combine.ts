import code from '../../../shaders/moe/moe_combine.wgsl?raw';
import type { BufferSlice } from '../../gpu/buffers.ts';
import type { GpuFeatures } from '../../gpu/device.ts';
import { defineKernel, variantFor } from '../../gpu/kernel.ts';
import type { DispatchSpec } from '../../gpu/plan.ts';

export const moeCombineKernel = defineKernel({
  name: 'moe_combine',
  code,
  params: { columns4: 'u32', top_k: 'u32' },
  reads: ['y', 'shares'],
  writes: ['x'],
  constants: ['WG', 'ADD'],
  step: false,
});

const WG = 64;

/** x[t] += sum_k shares[t, k] * y[t, k], or x[t] = the sum; y (T, topK, C), shares (T, topK), x (T, C). */
export function moeCombine(
  features: GpuFeatures,
  label: string,
  buffers: { y: BufferSlice; shares: BufferSlice; x: BufferSlice },
  { columns, topK, action = 'add' }: { columns: number; topK: number; action?: 'set' | 'add' },
): DispatchSpec {
  return {
    kernel: moeCombineKernel,
    variant: variantFor(features),
    label,
    params: { columns4: columns / 4, top_k: topK },
    constants: { WG, ADD: action === 'add' ? 1 : 0 },
    buffers,
    grid: (tokens) => [Math.ceil(columns / 4 / WG), tokens, 1],
  };
}
