import type { BufferSlice } from '../../gpu/buffers.ts';
import type { DispatchSpec } from '../../gpu/plan.ts';
import { CHUNK_TOKENS as Q, type Mamba2Dims, mamba2Widths } from '../../kernels/mamba2/mamba2-shape.ts';
import { ssdBmm } from '../../kernels/mamba2/ssd_bmm.ts';
import { ssdChunkCumsum } from '../../kernels/mamba2/ssd_chunk_cumsum.ts';
import { ssdChunkScan } from '../../kernels/mamba2/ssd_chunk_scan.ts';
import { ssdStatePassing } from '../../kernels/mamba2/ssd_state_passing.ts';
import type { TestGpu } from './device.ts';
import type { MixerVectors } from './mamba2-cases.ts';

/** The dispatches of prefill's scan, from conv's output v and in_proj's u to y, with what lies between them. */
export function scanSpecs(
  gpu: TestGpu,
  { v, u, ssm_state, y }: Record<'v' | 'u' | 'ssm_state' | 'y', BufferSlice>,
  vectors: MixerVectors,
  tokens: number,
  dims: Mamba2Dims,
): DispatchSpec[] {
  const chunks = Math.ceil(tokens / Q);
  const cb = gpu.output(chunks * dims.groups * Q * Q);
  const decays = gpu.output(chunks * dims.heads * Q * 4);
  const states = gpu.output(chunks * mamba2Widths(dims).inner * dims.stateSize);
  const steps = { u, dt_bias: gpu.input(vectors.dtBias), a: gpu.input(vectors.a), decays };
  const { features } = gpu;
  return [
    ssdBmm(features, 'test', { v, cb }, dims),
    ssdChunkCumsum(features, 'test', steps, dims),
    ssdStatePassing(features, 'test', { v, decays, ssm_state, states }, dims),
    ssdChunkScan(features, 'test', { v, cb, decays, states, d: gpu.input(vectors.d), y }, dims),
  ];
}
