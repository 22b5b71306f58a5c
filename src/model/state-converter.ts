import type { BufferSlice } from '../gpu/buffers.ts';
import type { Gpu, GpuFeatures } from '../gpu/device.ts';
import type { PipelineCache } from '../gpu/kernel.ts';
import { Plan } from '../gpu/plan.ts';
import { packF16 } from '../kernels/shared/pack_f16.ts';
import { unpackF16 } from '../kernels/shared/unpack_f16.ts';

/** What the SSM states of snapshots are stored as. */
export const STATE_TYPES = ['f32', 'f16'] as const;
export type StateType = (typeof STATE_TYPES)[number];

/** A state as f32, and the same as f16. */
export interface StatePair {
  exact: BufferSlice;
  half: BufferSlice;
}

/** Converts states between f32 and f16, on the GPU. */
export class StateConverter {
  readonly #gpu: Gpu;
  readonly #features: GpuFeatures;
  readonly #pipelines: PipelineCache;
  readonly #step: GPUBuffer;

  /** @param step that plans bind; nothing here reads it. */
  constructor(gpu: Gpu, features: GpuFeatures, pipelines: PipelineCache, step: GPUBuffer) {
    this.#gpu = gpu;
    this.#features = features;
    this.#pipelines = pipelines;
    this.#step = step;
  }

  /**
   * A plan that converts all pairs, ready to be recorded; whoever asks for it disposes of it.
   * @throws BambaError `gpu_failure`, `out_of_memory`.
   */
  async plan(pairs: readonly StatePair[], to: StateType): Promise<Plan> {
    const convert = to === 'f16' ? packF16 : unpackF16;
    const dispatches = pairs.map(({ exact, half }) => {
      return convert(this.#features, 'snapshot', { x: exact, packed_x: half }, exact.size / 4);
    });
    const { device } = this.#gpu;
    return this.#gpu.guarded('converting the state of the conversation', () =>
      Plan.build(device, this.#pipelines, this.#step, dispatches),
    );
  }
}
