import code from '../../../shaders/mamba1/rms_norm_matvec_selective_scan_gate.wgsl?raw';
import type { BufferSlice } from '../../gpu/buffers.ts';
import type { GpuFeatures } from '../../gpu/device.ts';
import { defineKernel, variantFor } from '../../gpu/kernel.ts';
import type { DispatchSpec } from '../../gpu/plan.ts';
import { foldedGrid } from '../shared/grid.ts';
import { type Mamba1Dims, type Mamba1Norm, NORM_NUMBERS } from './mamba1-shape.ts';
import { type Matrix, matrixParams, matvecWorkgroup } from '../projections/matrix.ts';

export const rmsNormMatvecSelectiveScanGateKernel = defineKernel({
  name: 'rms_norm_matvec_selective_scan_gate',
  code,
  params: {
    rows: 'u32',
    first_row: 'u32',
    blocks: 'u32',
    columns4: 'u32',
    rank: 'u32',
    channels: 'u32',
    head_channels: 'u32',
    eps: 'f32',
  },
  reads: ['w', 'weights', 'norm_weight', 'u', 'heads', 'a'],
  writes: ['v', 'ssm_state'],
  constants: ['WG', 'N', 'NORM'],
  step: true,
});

/**
 * One token through the scan of a Mamba-1 mixer and its gate, from ssm_state (I, N), which moves on. w (selected) is
 * the output of x_proj, weights (I, deltas) are those of dt_proj, norm_weight (selected) those of the norms of w. u
 * (2I) has z in the second half, heads (2, I) has dt_bias and d, a is (I, N). v (I) is x before and the output after.
 */
export function rmsNormMatvecSelectiveScanGate(
  features: GpuFeatures,
  label: string,
  buffers: {
    w: BufferSlice;
    weights: Matrix;
    norm_weight: BufferSlice;
    u: BufferSlice;
    heads: BufferSlice;
    a: BufferSlice;
    v: BufferSlice;
    ssm_state: BufferSlice;
  },
  { inner, stateSize, dtRank, heads }: Mamba1Dims,
  { norm, eps }: { norm: Mamba1Norm; eps: number },
): DispatchSpec[] {
  const { weights, ...others } = buffers;
  return weights.parts.map((part) => ({
    kernel: rmsNormMatvecSelectiveScanGateKernel,
    variant: variantFor(features, weights.scheme),
    label,
    params: {
      ...matrixParams(weights, part),
      rank: dtRank,
      channels: inner,
      head_channels: inner / heads,
      eps,
    },
    constants: { WG: matvecWorkgroup(features, weights), N: stateSize, NORM: NORM_NUMBERS[norm] },
    buffers: { ...others, weights: part.slice },
    grid: foldedGrid(part.rows / 4),
  }));
}
