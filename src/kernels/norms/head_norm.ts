import code from '../../../shaders/norms/head_norm.wgsl?raw';
import type { BufferSlice } from '../../gpu/buffers.ts';
import type { GpuFeatures } from '../../gpu/device.ts';
import { defineKernel, variantFor } from '../../gpu/kernel.ts';
import type { DispatchSpec } from '../../gpu/plan.ts';
import type { AttentionDims } from '../attention/attention-shape.ts';

export const headNormKernel = defineKernel({
  name: 'head_norm',
  code,
  params: { q_parts: 'u32', q_width4: 'u32', k_width4: 'u32', row4: 'u32', eps: 'f32' },
  reads: ['weight'],
  writes: ['y'],
  constants: ['WG'],
  step: false,
});

/**
 * RMSNorm of q and of k in qkv (T, heads + 2J, headDim), in place: over each head, or over the width of q and of k.
 * @param buffers.weight of q, then of k: (headDim) each, or (heads * headDim) and (J * headDim)
 */
export function headNorm(
  features: GpuFeatures,
  label: string,
  buffers: { weight: BufferSlice; y: BufferSlice },
  { heads, kvHeads, headDim }: Pick<AttentionDims, 'heads' | 'kvHeads' | 'headDim'>,
  { over, eps }: { over: 'head' | 'width'; eps: number },
): DispatchSpec {
  const [queries, keys] = over === 'head' ? [heads, kvHeads] : [1, 1];
  return {
    kernel: headNormKernel,
    variant: variantFor(features),
    label,
    params: {
      q_parts: queries,
      q_width4: (heads * headDim) / queries / 4,
      k_width4: (kvHeads * headDim) / keys / 4,
      row4: ((heads + 2 * kvHeads) * headDim) / 4,
      eps,
    },
    constants: { WG: 64 },
    buffers,
    grid: (tokens) => [queries + keys, tokens, 1],
  };
}
