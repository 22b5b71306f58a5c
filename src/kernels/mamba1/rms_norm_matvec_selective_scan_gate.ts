import code from '../../../shaders/mamba1/rms_norm_matvec_selective_scan_gate.wgsl?raw';
import type { BufferSlice } from '../../gpu/buffers.ts';
import type { GpuFeatures } from '../../gpu/device.ts';
import { defineKernel, variantFor } from '../../gpu/kernel.ts';
import type { DispatchSpec } from '../../gpu/plan.ts';
import { foldedGrid } from '../shared/grid.ts';
import type { Mamba1Dims } from './mamba1-shape.ts';
import { type Matrix, matrixParams, matvecWorkgroup } from '../projections/matrix.ts';

export const rmsNormMatvecSelectiveScanGateKernel = defineKernel({
  name: 'rms_norm_matvec_selective_scan_gate',
  code,
  params: { rows: 'u32', first_row: 'u32', blocks: 'u32', columns4: 'u32', channels: 'u32', eps: 'f32' },
  reads: ['w', 'weights', 'u', 'heads', 'a'],
  writes: ['v', 'ssm_state'],
  constants: ['WG', 'N'],
  step: true,
});

/**
 * One token through the scan of a Mamba-1 mixer and its gate, from ssm_state (I, N), which moves on: w (R + 2N) is what
 * x_proj made, weights (I, R) those of dt_proj, u (2I) with z in the second half, heads (2, I) of dt_bias and d, a (I, N);
 * v (I) is x before and the output after.
 */
export function rmsNormMatvecSelectiveScanGate(
  features: GpuFeatures,
  label: string,
  buffers: {
    w: BufferSlice;
    weights: Matrix;
    u: BufferSlice;
    heads: BufferSlice;
    a: BufferSlice;
    v: BufferSlice;
    ssm_state: BufferSlice;
  },
  { inner, stateSize }: Mamba1Dims,
  { eps }: { eps: number },
): DispatchSpec[] {
  const { weights, ...others } = buffers;
  return weights.parts.map((part) => ({
    kernel: rmsNormMatvecSelectiveScanGateKernel,
    variant: variantFor(features, weights.scheme),
    label,
    params: { ...matrixParams(weights, part), channels: inner, eps },
    constants: { WG: matvecWorkgroup(features, weights), N: stateSize },
    buffers: { ...others, weights: part.slice },
    grid: foldedGrid(part.rows / 4),
  }));
}
