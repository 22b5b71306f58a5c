import code from '../../../shaders/rg_lru/rg_lru_scan.wgsl?raw';
import type { BufferSlice } from '../../gpu/buffers.ts';
import type { GpuFeatures } from '../../gpu/device.ts';
import { defineKernel, variantFor } from '../../gpu/kernel.ts';
import type { DispatchSpec } from '../../gpu/plan.ts';
import type { RgLruDims } from './rg-lru-shape.ts';

export const rgLruScanKernel = defineKernel({
  name: 'rg_lru_scan',
  code,
  params: { width: 'u32' },
  reads: ['decays', 'inputs', 'u'],
  writes: ['ssm_state', 'out'],
  constants: ['WG'],
  step: true,
});

const WG = 64;

/** out (T, w) of decays and inputs (T, w) from ssm_state (w), which moves on; u (T, 2w) begins with z. */
export function rgLruScan(
  features: GpuFeatures,
  label: string,
  buffers: { decays: BufferSlice; inputs: BufferSlice; u: BufferSlice; ssm_state: BufferSlice; out: BufferSlice },
  { width }: RgLruDims,
): DispatchSpec {
  return {
    kernel: rgLruScanKernel,
    variant: variantFor(features),
    label,
    params: { width },
    constants: { WG },
    buffers,
    grid: [Math.ceil(width / WG), 1, 1],
  };
}
