import code from '../../../shaders/rg_lru/rg_lru_gates.wgsl?raw';
import type { BufferSlice } from '../../gpu/buffers.ts';
import type { GpuFeatures } from '../../gpu/device.ts';
import { defineKernel, variantFor } from '../../gpu/kernel.ts';
import type { DispatchSpec } from '../../gpu/plan.ts';
import type { RgLruDims } from './rg-lru-shape.ts';

export const rgLruGatesKernel = defineKernel({
  name: 'rg_lru_gates',
  code,
  params: { heads: 'u32', dim: 'u32' },
  reads: ['v', 'gates', 'vectors'],
  writes: ['decays', 'inputs'],
  constants: ['WG'],
  step: true,
});

const WG = 64;
/** Tokens of a workgroup, as in the shader. */
const TOKENS = 8;

/** Decays and gated inputs (T, w) of v (T, w); gates (2, heads, D, D), vectors (3, w) of two biases and the parameter. */
export function rgLruGates(
  features: GpuFeatures,
  label: string,
  buffers: { v: BufferSlice; gates: BufferSlice; vectors: BufferSlice; decays: BufferSlice; inputs: BufferSlice },
  { width, heads }: RgLruDims,
): DispatchSpec {
  return {
    kernel: rgLruGatesKernel,
    variant: variantFor(features),
    label,
    params: { heads, dim: width / heads },
    constants: { WG },
    buffers,
    grid: (tokens) => [Math.ceil(width / heads / WG), heads, Math.ceil(tokens / TOKENS)],
  };
}
