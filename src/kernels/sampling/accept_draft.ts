import code from '../../../shaders/sampling/accept_draft.wgsl?raw';
import type { BufferSlice } from '../../gpu/buffers.ts';
import type { GpuFeatures } from '../../gpu/device.ts';
import { defineKernel, variantFor } from '../../gpu/kernel.ts';
import type { DispatchSpec } from '../../gpu/plan.ts';

export const acceptDraftKernel = defineKernel({
  name: 'accept_draft',
  code,
  params: {},
  reads: ['ids', 'draft'],
  writes: ['step', 'verified'],
  constants: ['LAST'],
  step: false, // it writes both, so they are bound as storage
});

/**
 * Between the samplers of two positions of one pass: goes on if the sampled token, ids[0], is the draft that the next position
 * was fed. `last`, behind the last position: tells `verified`, the `Step` of the first one, how many were sampled from.
 */
export function acceptDraft(
  features: GpuFeatures,
  label: string,
  buffers: { ids: BufferSlice; draft: BufferSlice; step: BufferSlice; verified: BufferSlice },
  { last = false } = {},
): DispatchSpec {
  return {
    kernel: acceptDraftKernel,
    variant: variantFor(features),
    label,
    constants: { LAST: last ? 1 : 0 },
    buffers,
    grid: [1, 1, 1],
  };
}
