import type { BufferSlice } from './buffers.ts';
import type { Gpu } from './device.ts';

/**
 * Buffers of one size that results are copied into and read from. One is in use from the copy until it is read: a copy never
 * takes one that is mapped, or is about to be. There are as many as were ever in use at once.
 */
export class Readbacks {
  readonly #gpu: Gpu;
  readonly #make: (index: number) => GPUBuffer;
  readonly #failed: string;
  readonly #free: GPUBuffer[];
  #made: number;

  /**
   * @param make makes another one
   * @param failed what it means when one cannot be read, a sentence
   * @param first those that there are at first
   */
  constructor(gpu: Gpu, make: (index: number) => GPUBuffer, failed: string, first: readonly GPUBuffer[] = []) {
    this.#gpu = gpu;
    this.#make = make;
    this.#failed = failed;
    this.#free = [...first];
    this.#made = first.length;
  }

  /**
   * Records a copy.
   * @returns what to call once after submitting: it resolves with the bytes, and rejects as `Gpu.map`
   */
  copy(encoder: GPUCommandEncoder, { buffer, offset, size }: BufferSlice): () => Promise<ArrayBuffer> {
    // First in, first out: the one that was read longest ago.
    const staging = this.#free.shift() ?? this.#make(this.#made++);
    encoder.copyBufferToBuffer(buffer, offset, staging, 0, size);
    return async () => {
      await this.#gpu.map(staging, GPUMapMode.READ, this.#failed);
      const bytes = staging.getMappedRange(0, size).slice(0);
      staging.unmap();
      this.#free.push(staging);
      return bytes;
    };
  }
}
