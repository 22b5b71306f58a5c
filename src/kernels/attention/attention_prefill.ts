import code from '../../../shaders/attention/attention_prefill.wgsl?raw';
import type { BufferSlice } from '../../gpu/buffers.ts';
import type { GpuFeatures } from '../../gpu/device.ts';
import { defineKernel, variantFor } from '../../gpu/kernel.ts';
import type { DispatchSpec } from '../../gpu/plan.ts';
import type { AttentionDims } from './attention-shape.ts';

export const attentionPrefillKernel = defineKernel({
  name: 'attention_prefill',
  code,
  params: { heads: 'u32', kv_heads: 'u32', scale: 'f32' },
  reads: ['qkv', 'k_cache', 'v_cache'],
  writes: ['y'],
  constants: ['HEAD_DIM4', 'VALUE_KEYS'],
  step: true,
});

/** Rows of a workgroup. */
const ROWS = 32;
/** vec4f of a tile of values: those of a tile of keys, whose place it takes. */
const MOST_VALUES = 512;

/** Causal attention of T tokens, appended to the cache already: qkv (T, heads + 2J, headDim), caches (capacity, J, headDim), y (T, heads, headDim). */
export function attentionPrefill(
  features: GpuFeatures,
  label: string,
  buffers: { qkv: BufferSlice; k_cache: BufferSlice; v_cache: BufferSlice; y: BufferSlice },
  dims: AttentionDims,
): DispatchSpec {
  const headDim4 = dims.headDim / 4;
  return {
    kernel: attentionPrefillKernel,
    variant: variantFor(features),
    label,
    params: { heads: dims.heads, kv_heads: dims.kvHeads, scale: dims.scale },
    constants: { HEAD_DIM4: headDim4, VALUE_KEYS: [32, 16].find((keys) => keys * headDim4 <= MOST_VALUES) ?? 8 },
    buffers,
    grid: (tokens) => [Math.ceil((tokens * dims.heads) / dims.kvHeads / ROWS), dims.kvHeads, 1],
  };
}
