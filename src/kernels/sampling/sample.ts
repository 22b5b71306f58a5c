import code from '../../../shaders/sampling/sample.wgsl?raw';
import type { BufferSlice } from '../../gpu/buffers.ts';
import type { GpuFeatures } from '../../gpu/device.ts';
import { defineKernel, variantFor } from '../../gpu/kernel.ts';
import type { DispatchSpec } from '../../gpu/plan.ts';
import { checkVocabulary } from './sampling-settings.ts';

export const sampleKernel = defineKernel({
  name: 'sample',
  code,
  params: { vocabulary: 'u32' },
  reads: ['settings', 'logits', 'partials'],
  writes: ['counts', 'ids', 'output', 'step'],
  constants: [],
  step: false, // it writes `Step`, so it is bound as storage
});

/** Tokens that `output` keeps: the host reads at the latest so many steps after. */
export const OUTPUT_RING = 64;

/** `output`: [0] tokens emitted, [1] `OUTPUT_STATE`, then token n of the answer at 2 + n % 64. */
export const OUTPUT_BYTES = 4 * (2 + OUTPUT_RING);

/** What `output[1]` says. After `ended` and `noNumber` further passes change nothing. */
export const OUTPUT_STATE = { goingOn: 0, ended: 1, noNumber: 2 } as const;

/**
 * Chooses the next token from logits that `logitsProcess` went over. It writes the token to ids[0], counts[token] and
 * output, and advances `step`. That buffer needs the usages STORAGE and UNIFORM.
 * @throws BambaError `unsupported_model` for more than 262,144 tokens.
 */
export function sample(
  features: GpuFeatures,
  label: string,
  buffers: {
    settings: BufferSlice;
    logits: BufferSlice;
    partials: BufferSlice;
    counts: BufferSlice;
    ids: BufferSlice;
    output: BufferSlice;
    step: BufferSlice;
  },
  vocabulary: number,
): DispatchSpec {
  checkVocabulary(vocabulary);
  return {
    kernel: sampleKernel,
    variant: variantFor(features),
    label,
    params: { vocabulary },
    buffers,
    grid: [1, 1, 1],
  };
}
