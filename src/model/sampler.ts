import type { BufferSet } from '../gpu/buffers.ts';
import type { Gpu, GpuFeatures } from '../gpu/device.ts';
import type { DispatchSpec } from '../gpu/plan.ts';
import type { Activations } from './activations.ts';
export class Sampler {
  constructor(_gpu: Gpu, _buffers: BufferSet, _activations: Activations, _vocab: number) {}
  dispatches(_features: GpuFeatures): DispatchSpec[] { return []; }
}
