import code from '../../../shaders/attention/rope_kv_append.wgsl?raw';
import type { BufferSlice } from '../../gpu/buffers.ts';
import type { GpuFeatures } from '../../gpu/device.ts';
import { defineKernel, variantFor } from '../../gpu/kernel.ts';
import type { DispatchSpec } from '../../gpu/plan.ts';
import type { AttentionDims } from './attention-shape.ts';

export const ropeKvAppendKernel = defineKernel({
  name: 'rope_kv_append',
  code,
  params: { heads: 'u32', kv_heads: 'u32', head_dim: 'u32', rope_dims: 'u32' },
  reads: ['rope'],
  writes: ['qkv', 'k_cache', 'v_cache'],
  constants: ['WG'],
  step: true,
});

const WG = 64;

/** Rotates q of qkv (T, heads + 2J, headDim) in place, appends rotated k and v to the caches (capacity, J, headDim). */
export function ropeKvAppend(
  features: GpuFeatures,
  label: string,
  buffers: { rope: BufferSlice; qkv: BufferSlice; k_cache: BufferSlice; v_cache: BufferSlice },
  dims: AttentionDims,
): DispatchSpec {
  const pairs = ((dims.heads + 2 * dims.kvHeads) * dims.headDim) / 2;
  return {
    kernel: ropeKvAppendKernel,
    variant: variantFor(features),
    label,
    params: { heads: dims.heads, kv_heads: dims.kvHeads, head_dim: dims.headDim, rope_dims: dims.ropeDims },
    constants: { WG },
    buffers,
    grid: (tokens) => [Math.ceil(pairs / WG), tokens, 1],
  };
}
