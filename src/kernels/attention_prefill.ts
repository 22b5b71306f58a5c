import code from '../../shaders/attention_prefill.wgsl?raw';
import type { BufferSlice } from '../gpu/buffers.ts';
import type { GpuFeatures } from '../gpu/device.ts';
import { defineKernel, variantFor } from '../gpu/kernel.ts';
import type { DispatchSpec } from '../gpu/plan.ts';
import { ATTENTION_WORKGROUP, type AttentionDims, attentionRows } from './attention-shape.ts';

export const attentionPrefillKernel = defineKernel({
  name: 'attention_prefill',
  code,
  params: { heads: 'u32', kv_heads: 'u32', scale: 'f32' },
  reads: ['qkv', 'k_cache', 'v_cache'],
  writes: ['y'],
  constants: ['WG', 'ROWS', 'HEAD_DIM4'],
  step: true,
});

/** Causal attention of T tokens, appended to the cache already: qkv (T, heads + 2J, headDim), caches (capacity, J, headDim), y (T, heads, headDim). */
export function attentionPrefill(
  features: GpuFeatures,
  label: string,
  buffers: { qkv: BufferSlice; k_cache: BufferSlice; v_cache: BufferSlice; y: BufferSlice },
  dims: AttentionDims,
): DispatchSpec {
  const rows = attentionRows(dims, 16);
  return {
    kernel: attentionPrefillKernel,
    variant: variantFor(features),
    label: `${label} / attention_prefill`,
    params: { heads: dims.heads, kv_heads: dims.kvHeads, scale: dims.scale },
    constants: { WG: ATTENTION_WORKGROUP, ROWS: rows, HEAD_DIM4: dims.headDim / 4 },
    buffers,
    grid: (tokens) => [Math.ceil((tokens * dims.heads) / dims.kvHeads / rows), dims.kvHeads, 1],
  };
}
