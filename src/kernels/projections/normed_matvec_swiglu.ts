import code from '../../../shaders/projections/normed_matvec_swiglu.wgsl?raw';
import type { BufferSlice } from '../../gpu/buffers.ts';
import type { GpuFeatures } from '../../gpu/device.ts';
import { defineKernel } from '../../gpu/kernel.ts';
import type { DispatchSpec } from '../../gpu/plan.ts';
import type { Matrix } from './matrix.ts';
import { ACTIVATION_NUMBERS, type KernelActivation } from '../shared/activations.ts';
import { type InputNorm, matvecDispatches, normParams } from './matvec-dispatch.ts';

export const normedMatvecSwigluKernel = defineKernel({
  name: 'normed_matvec_swiglu',
  code,
  params: { rows: 'u32', first_row: 'u32', blocks: 'u32', columns4: 'u32', squares4: 'u32', eps: 'f32' },
  reads: ['h', 'squares', 'weights'],
  writes: ['y'],
  constants: ['WG', 'TEAM', 'SEGMENT', 'ACTIVATION'],
  step: false,
});

/**
 * y[f] = activation(W[2f] . n) * (W[2f+1] . n), by default SiLU, n = h / rms, with h the input times the norm's weight; weights (2F, C) with gate
 * and up rows in turn, y (F).
 */
export function normedMatvecSwiglu(
  features: GpuFeatures,
  label: string,
  { h, squares, weights, y }: { h: BufferSlice; squares: BufferSlice; weights: Matrix; y: BufferSlice },
  { activation = 'silu', ...norm }: InputNorm & { activation?: KernelActivation },
): DispatchSpec[] {
  const specs = matvecDispatches(
    features,
    label,
    normedMatvecSwigluKernel,
    weights,
    { h, squares, y },
    normParams(norm),
  );
  const ACTIVATION = ACTIVATION_NUMBERS[activation];
  return specs.map((spec) => ({ ...spec, constants: { ...spec.constants, ACTIVATION } }));
}
