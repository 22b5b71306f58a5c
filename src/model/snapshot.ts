import { BufferSet, BufferTally } from '../gpu/buffers.ts';
import type { Gpu } from '../gpu/device.ts';
import type { CacheType } from '../kernels/attention/kv-cache.ts';
import type { Architecture } from '../architecture/architecture.ts';
import type { StateConverter, StateType } from './state-converter.ts';
import { SequenceState } from './state.ts';

/** A sequence at the end of a prompt, kept on the GPU: its state, and the logits that the answer begins with. */
export class Snapshot {
  readonly state: SequenceState;
  readonly #logits: BufferSet;
  readonly #logitsBuffer: GPUBuffer;

  private constructor(state: SequenceState, logits: BufferSet, logitsBuffer: GPUBuffer) {
    this.state = state;
    this.#logits = logits;
    this.#logitsBuffer = logitsBuffer;
  }

  /** Bytes of GPU memory that a snapshot of so many tokens takes. */
  static bytesOf(
    architecture: Architecture,
    tokens: number,
    types: { cacheType: CacheType; stateType: StateType },
  ): number {
    return (
      SequenceState.bytesOf(architecture, tokens, types) +
      new BufferTally().floats('logits', architecture.vocabSize).size
    );
  }

  /**
   * Copies on the GPU, in order with what was submitted before; SSM states become those of the given type.
   * @throws BambaError `out_of_memory`, `gpu_failure`.
   */
  static async take(
    gpu: Gpu,
    live: SequenceState,
    logits: GPUBuffer,
    { converter, stateType }: { converter: StateConverter; stateType: StateType },
  ): Promise<Snapshot> {
    const state = await live.clone(converter, stateType);
    const set = new BufferSet(gpu.device, 'snapshot');
    try {
      const copy = await gpu.guarded('keeping the state of the conversation', () => set.storage('logits', logits.size));
      const encoder = gpu.device.createCommandEncoder({ label: 'take snapshot' });
      encoder.copyBufferToBuffer(logits, 0, copy, 0, logits.size);
      gpu.device.queue.submit([encoder.finish()]);
      return new Snapshot(state, set, copy);
    } catch (error) {
      state.dispose();
      set.dispose();
      throw error;
    }
  }

  /** Bytes of GPU memory. */
  get bytes(): number {
    return this.state.bytes + this.#logits.bytes;
  }

  /** Copies back into a live sequence that has room for it. @throws BambaError `out_of_memory`, `gpu_failure`. */
  async restore(gpu: Gpu, live: SequenceState, logits: GPUBuffer, converter: StateConverter): Promise<void> {
    await live.restore(this.state, converter);
    const encoder = gpu.device.createCommandEncoder({ label: 'restore snapshot' });
    encoder.copyBufferToBuffer(this.#logitsBuffer, 0, logits, 0, logits.size);
    gpu.device.queue.submit([encoder.finish()]);
  }

  dispose(): void {
    this.state.dispose();
    this.#logits.dispose();
  }
}
