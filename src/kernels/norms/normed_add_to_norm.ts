import code from '../../../shaders/norms/normed_add_to_norm.wgsl?raw';
import type { BufferSlice } from '../../gpu/buffers.ts';
import type { GpuFeatures } from '../../gpu/device.ts';
import { defineKernel, variantFor } from '../../gpu/kernel.ts';
import type { DispatchSpec } from '../../gpu/plan.ts';
import { type InputNorm, normParams } from '../projections/matvec-dispatch.ts';
import { streamBuffers, type StreamToNorm } from '../shared/to-norm.ts';

export const normedAddToNormKernel = defineKernel({
  name: 'normed_add_to_norm',
  code,
  params: { columns4: 'u32', squares4: 'u32', eps: 'f32' },
  reads: ['g', 'squares', 'norm_weight'],
  writes: ['v', 'x', 'h', 'x_squares'],
  constants: ['WG'],
  step: false,
});

const WG = 64;

/** A branch's output, on its way into the norm behind it. */
interface BranchToNorm {
  /** The branch's output (C), which becomes zeros. */
  v: BufferSlice;
  /** The output times the norm's weight (C). */
  g: BufferSlice;
  /** Partial sums of its squares. */
  gSquares: BufferSlice;
}

/** x += g / rms, and v = 0; then h and squares, for the norm that follows; `columns` is C. */
export function normedAddToNorm(
  features: GpuFeatures,
  label: string,
  { v, g, gSquares, ...stream }: StreamToNorm & BranchToNorm,
  { columns, ...norm }: InputNorm & { columns: number },
): DispatchSpec {
  return {
    kernel: normedAddToNormKernel,
    variant: variantFor(features),
    label,
    params: { columns4: columns / 4, ...normParams(norm) },
    constants: { WG },
    buffers: { g, squares: gSquares, v, ...streamBuffers(stream) },
    grid: [Math.ceil(columns / 4 / WG), 1, 1],
  };
}
