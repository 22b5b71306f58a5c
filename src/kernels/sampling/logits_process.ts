import code from '../../../shaders/sampling/logits_process.wgsl?raw';
import type { BufferSlice } from '../../gpu/buffers.ts';
import type { GpuFeatures } from '../../gpu/device.ts';
import { defineKernel, variantFor } from '../../gpu/kernel.ts';
import type { DispatchSpec } from '../../gpu/plan.ts';
import { checkVocabulary } from './sampling-settings.ts';

export const logitsProcessKernel = defineKernel({
  name: 'logits_process',
  code,
  params: { vocabulary: 'u32' },
  reads: ['settings', 'counts', 'bias', 'mask'],
  writes: ['logits', 'partials'],
  constants: [],
  step: false,
});

const CHUNK = 1024; // as in shaders/sampling/logits_process.wgsl

/** Bytes of `mask`: bit v % 32 of word v / 32 says that token v may come. */
export function maskBytes(vocabulary: number): number {
  return Math.ceil(vocabulary / 32) * 4;
}

/** Bytes of `partials`: a (sort key, token) for every 1,024 tokens. */
export function partialsBytes(vocabulary: number): number {
  return Math.ceil(vocabulary / CHUNK) * 8;
}

/**
 * Penalties, bias and mask on logits (V) f32, in place, and the largest of every 1,024 to `partials`.
 * settings: `packSampling`; counts (V) u32: `promptCounts`; bias (V) f32 and mask, a bit a token, are read only when the
 * settings say so.
 * @throws BambaError `unsupported_model` for more than 262,144 tokens.
 */
export function logitsProcess(
  features: GpuFeatures,
  label: string,
  buffers: {
    settings: BufferSlice;
    counts: BufferSlice;
    bias: BufferSlice;
    mask: BufferSlice;
    logits: BufferSlice;
    partials: BufferSlice;
  },
  vocabulary: number,
): DispatchSpec {
  checkVocabulary(vocabulary);
  return {
    kernel: logitsProcessKernel,
    variant: variantFor(features),
    label,
    params: { vocabulary },
    buffers,
    grid: [Math.ceil(vocabulary / CHUNK), 1, 1],
  };
}
