import code from '../../../shaders/attention/attention_gate.wgsl?raw';
import type { BufferSlice } from '../../gpu/buffers.ts';
import type { GpuFeatures } from '../../gpu/device.ts';
import { defineKernel, variantFor } from '../../gpu/kernel.ts';
import type { DispatchSpec } from '../../gpu/plan.ts';
import { ATTENTION_SPLITS, type AttentionDims } from './attention-shape.ts';

export const attentionGateKernel = defineKernel({
  name: 'attention_gate',
  code,
  params: { heads: 'u32', dim4: 'u32', head_stride4: 'u32', row_stride4: 'u32' },
  reads: ['gate'],
  writes: ['y'],
  constants: ['WG'],
  step: false,
});

const WG = 64;

/**
 * The output of attention times the sigmoid of gate (T, heads * headDim), in place. It is y (T, heads * headDim), or in
 * decode `partial` of one token, in which all splits have the one gate.
 */
export function attentionGate(
  features: GpuFeatures,
  label: string,
  buffers: { gate: BufferSlice; y: BufferSlice },
  { heads, headDim }: Pick<AttentionDims, 'heads' | 'headDim'>,
  of: 'tokens' | 'partial',
): DispatchSpec {
  const dim4 = headDim / 4;
  const isPartial = of === 'partial';
  const groups = Math.ceil((heads * dim4) / WG);
  return {
    kernel: attentionGateKernel,
    variant: variantFor(features),
    label,
    params: {
      heads,
      dim4,
      head_stride4: isPartial ? dim4 + 1 : dim4,
      row_stride4: isPartial ? 0 : heads * dim4,
    },
    constants: { WG },
    buffers,
    grid: isPartial ? [groups, ATTENTION_SPLITS, 1] : (tokens) => [groups, tokens, 1],
  };
}
