import ceilingCopyCode from '../../shaders/bench/ceiling_copy.wgsl?raw';
import ceilingDotCode from '../../shaders/bench/ceiling_dot.wgsl?raw';
import ceilingFmaCode from '../../shaders/bench/ceiling_fma.wgsl?raw';
import ceilingMatvecCode from '../../shaders/bench/ceiling_matvec.wgsl?raw';
import fillRandomCode from '../../shaders/bench/fill_random.wgsl?raw';
import incrementCode from '../../shaders/bench/increment.wgsl?raw';
import type { BufferSlice } from '../gpu/buffers.ts';
import type { GpuFeatures } from '../gpu/device.ts';
import { defineKernel, variantFor } from '../gpu/kernel.ts';
import type { DispatchSpec } from '../gpu/plan.ts';
import { foldedGrid } from '../kernels/shared/grid.ts';
import type { Scheme } from '../weights/types.ts';

// Kernels that compute nothing of a model: they fill memory, or show what the adapter can do at best.

/** Invocations of a workgroup of all these kernels but the matvec. */
export const WORKGROUP = 256;

/** Multiply-adds of an invocation in a round of `ceiling_fma`; of four-byte dot products in one of `ceiling_dot`. */
export const FMAS_PER_ROUND = 32;
export const DOTS_PER_ROUND = 8;

export const fillRandomKernel = defineKernel({
  name: 'fill_random',
  code: fillRandomCode,
  params: { blocks: 'u32', weight_blocks: 'u32', seed: 'u32', scale_words: 'u32', scale: 'f32' },
  reads: [],
  writes: ['data'],
  constants: ['KIND'],
  step: false,
});

export const ceilingCopyKernel = defineKernel({
  name: 'ceiling_copy',
  code: ceilingCopyCode,
  params: { blocks: 'u32' },
  reads: ['x'],
  writes: ['y'],
  constants: [],
  step: false,
});

export const ceilingMatvecKernel = defineKernel({
  name: 'ceiling_matvec',
  code: ceilingMatvecCode,
  params: { blocks: 'u32' },
  reads: ['x', 'weights'],
  writes: ['y'],
  constants: [],
  step: false,
});

export const ceilingFmaKernel = defineKernel({
  name: 'ceiling_fma',
  code: ceilingFmaCode,
  params: { rounds: 'u32', factor: 'f32', summand: 'f32' },
  reads: [],
  writes: ['y'],
  constants: [],
  step: false,
});

export const ceilingDotKernel = defineKernel({
  name: 'ceiling_dot',
  code: ceilingDotCode,
  params: { rounds: 'u32', factor: 'u32' },
  reads: [],
  writes: ['y'],
  constants: [],
  step: false,
});

export const incrementKernel = defineKernel({
  name: 'increment',
  code: incrementCode,
  params: {},
  reads: [],
  writes: ['y'],
  constants: [],
  step: false,
});

const KINDS: Record<Scheme, number> = { int8: 0, fp8: 1, f16: 2, f32: 3, int4: 4 };

/** Random weights in a matrix of so many bytes of weights, and behind them its scales, of so many bytes a row. */
export function fillRandom(
  data: BufferSlice,
  scheme: Scheme,
  options: { weightBytes: number; scaleBytes: number; scale: number; seed: number },
): DispatchSpec {
  const { weightBytes, scaleBytes, scale, seed } = options;
  const blocks = Math.ceil(data.size / 16);
  return {
    kernel: fillRandomKernel,
    variant: { subgroups: false, f16: false },
    label: 'bench',
    params: { blocks, weight_blocks: weightBytes / 16, seed, scale_words: Math.max(1, scaleBytes / 4), scale },
    constants: { KIND: KINDS[scheme] },
    buffers: { data },
    grid: foldedGrid(Math.ceil(blocks / WORKGROUP)),
  };
}

/** y = x. */
export function ceilingCopy(x: BufferSlice, y: BufferSlice): DispatchSpec {
  const blocks = x.size / 16;
  return {
    kernel: ceilingCopyKernel,
    variant: { subgroups: false, f16: false },
    label: 'bench',
    params: { blocks },
    buffers: { x, y },
    grid: foldedGrid(Math.ceil(blocks / WORKGROUP)),
  };
}

/** y = W . x; weights (rows, columns) int8, rows a multiple of 4, columns of 16. */
export function ceilingMatvec(
  features: GpuFeatures,
  buffers: { x: BufferSlice; weights: BufferSlice; y: BufferSlice },
  shape: { rows: number; columns: number },
): DispatchSpec {
  return {
    kernel: ceilingMatvecKernel,
    variant: { ...variantFor(features), f16: false },
    label: 'bench',
    params: { blocks: shape.columns / 16 },
    buffers,
    grid: foldedGrid(shape.rows / 4),
  };
}

/** Multiply-adds: y (workgroups * WORKGROUP). Values stay finite, also in f16. */
export function ceilingFma(
  y: BufferSlice,
  options: { workgroups: number; rounds: number; f16: boolean },
): DispatchSpec {
  return {
    kernel: ceilingFmaKernel,
    variant: { subgroups: false, f16: options.f16 },
    label: 'bench',
    params: { rounds: options.rounds, factor: 0.75, summand: 0.25 },
    buffers: { y },
    grid: [options.workgroups, 1, 1],
  };
}

/** Dot products of four signed bytes: y (workgroups * WORKGROUP). */
export function ceilingDot(
  features: GpuFeatures,
  y: BufferSlice,
  options: { workgroups: number; rounds: number },
): DispatchSpec {
  return {
    kernel: ceilingDotKernel,
    variant: { ...variantFor(features), f16: false },
    label: 'bench',
    params: { rounds: options.rounds, factor: 0x01fe03fd },
    buffers: { y },
    grid: [options.workgroups, 1, 1],
  };
}

/** y += 1, one workgroup. */
export function increment(y: BufferSlice): DispatchSpec {
  return {
    kernel: incrementKernel,
    variant: { subgroups: false, f16: false },
    label: 'bench',
    buffers: { y },
    grid: [1, 1, 1],
  };
}
