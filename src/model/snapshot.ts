import { BufferSet, BufferTally } from '../gpu/buffers.ts';
import type { Gpu } from '../gpu/device.ts';
import type { CacheType } from '../kernels/attention/kv-cache.ts';
import type { Architecture } from '../architecture/architecture.ts';
import type { StateConverter, StateType } from './state-converter.ts';
import { SequenceState } from './state.ts';

/** The contents of a snapshot. */
export interface SnapshotOptions {
  /** Whether the logits of the last token are kept, so that an answer begins at once. Default true. */
  logits?: boolean;
}

/** A sequence kept on the GPU: its state, and at the end of a prompt the logits that an answer begins with. */
export class Snapshot {
  readonly state: SequenceState;
  readonly #logits: { set: BufferSet; buffer: GPUBuffer } | null;

  private constructor(state: SequenceState, logits: { set: BufferSet; buffer: GPUBuffer } | null) {
    this.state = state;
    this.#logits = logits;
  }

  /** Bytes of GPU memory that a snapshot of so many tokens takes. */
  static bytesOf(
    architecture: Architecture,
    tokens: number,
    types: { cacheType: CacheType; stateType: StateType },
    { logits = true }: SnapshotOptions = {},
  ): number {
    const state = SequenceState.bytesOf(architecture, tokens, types);
    return logits ? state + new BufferTally().floats('logits', architecture.vocabSize).size : state;
  }

  /**
   * Copies on the GPU, in order with what was submitted before; SSM states become those of the given type.
   * @param logits null to keep none
   * @throws BambaError `out_of_memory`, `gpu_failure`.
   */
  static async take(
    gpu: Gpu,
    live: SequenceState,
    logits: GPUBuffer | null,
    { converter, stateType }: { converter: StateConverter; stateType: StateType },
  ): Promise<Snapshot> {
    const state = await live.clone(converter, stateType);
    if (!logits) return new Snapshot(state, null);
    const set = new BufferSet(gpu.device, 'snapshot');
    try {
      const buffer = await gpu.guarded('keeping the state of the conversation', () =>
        set.storage('logits', logits.size),
      );
      const encoder = gpu.device.createCommandEncoder({ label: 'take snapshot' });
      encoder.copyBufferToBuffer(logits, 0, buffer, 0, logits.size);
      gpu.device.queue.submit([encoder.finish()]);
      return new Snapshot(state, { set, buffer });
    } catch (error) {
      state.dispose();
      set.dispose();
      throw error;
    }
  }

  /** Bytes of GPU memory. */
  get bytes(): number {
    return this.state.bytes + (this.#logits?.set.bytes ?? 0);
  }

  /** Whether an answer can begin where it is restored, without reading a token. */
  get hasLogits(): boolean {
    return this.#logits !== null;
  }

  /**
   * Copies back into a live sequence that has room for it. Without logits of its own, it leaves those that are there.
   * @throws BambaError `out_of_memory`, `gpu_failure`.
   */
  async restore(gpu: Gpu, live: SequenceState, logits: GPUBuffer, converter: StateConverter): Promise<void> {
    await live.restore(this.state, converter);
    if (!this.#logits) return;
    const encoder = gpu.device.createCommandEncoder({ label: 'restore snapshot' });
    encoder.copyBufferToBuffer(this.#logits.buffer, 0, logits, 0, logits.size);
    gpu.device.queue.submit([encoder.finish()]);
  }

  dispose(): void {
    this.state.dispose();
    this.#logits?.set.dispose();
  }
}
