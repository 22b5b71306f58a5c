import { BufferSet } from '../gpu/buffers.ts';
import type { Gpu } from '../gpu/device.ts';
import { type UploadCopy, UploadRing } from '../gpu/upload-ring.ts';
import type { TensorEntry } from '../weights/types.ts';
import { type Join, megabytes, PlacedWeights, type Placement, placeTensors } from './placed-weights.ts';

/** A model's weights on the GPU, filled from the package's stream piece by piece. */
export class GpuWeights extends PlacedWeights {
  readonly #gpu: Gpu;
  readonly #set: BufferSet;
  readonly #copies: Placement['copies'];
  /** Copies into joined tensors, which follow what they copy. */
  readonly #joins: Join[] = [];
  #complete = false;
  #ring: UploadRing | null = null;

  private constructor(gpu: Gpu, set: BufferSet, placement: Placement) {
    super(set, placement);
    this.#gpu = gpu;
    this.#set = set;
    this.#copies = placement.copies;
  }

  /**
   * Allocates all buffers, before anything is downloaded.
   * @throws BambaError `adapter_limit`, `out_of_memory` with the sizes.
   */
  static async allocate(gpu: Gpu, entries: readonly TensorEntry[]): Promise<GpuWeights> {
    const placement = placeTensors(entries, gpu.limits);
    const set = new BufferSet(gpu.device, 'weights');
    const total = placement.buffers.reduce((sum, bytes) => sum + bytes, 0);
    try {
      return await gpu.guarded(`allocating ${megabytes(total)} of weights`, () => new GpuWeights(gpu, set, placement));
    } catch (error) {
      set.dispose();
      throw error;
    }
  }

  /** Bytes of GPU memory. */
  get bytes(): number {
    return this.#set.bytes;
  }

  /**
   * Uploads `data`, the bytes of the stream from `begin` on; both multiples of 4. Memory for what is under way is bounded:
   * awaiting each call keeps the caller's from growing too.
   * @returns when `data` may be changed. @throws BambaError `device_lost`, `disposed`, `out_of_memory`, `gpu_failure`.
   */
  async upload(begin: number, data: Uint8Array<ArrayBuffer>): Promise<void> {
    const end = begin + data.byteLength;
    const copies = this.#copies.flatMap((copy): UploadCopy[] => {
      const from = Math.max(begin, copy.begin);
      const to = Math.min(end, copy.end);
      if (from >= to) return [];
      const target = { buffer: this.buffers[copy.buffer]!, offset: copy.offset + from - copy.begin };
      return [{ begin: from - begin, end: to - begin, ...target }];
    });
    this.#ring ??= new UploadRing(this.#gpu, { bytes: this.bytes });
    await this.#ring.write(data, copies);
  }

  /**
   * To be called when the weights are all there, uploaded or made on the GPU: waits until all that was uploaded has
   * arrived, and frees what uploading took. Weights may be uploaded anew, which ends with another call.
   * @throws BambaError as `upload`.
   */
  async finishUploads(): Promise<void> {
    await this.#ring?.drain();
    this.#complete = true;
    this.#copy(this.#joins);
    this.#ring?.dispose();
    this.#ring = null;
  }

  protected override join(joins: readonly Join[]): void {
    this.#joins.push(...joins);
    if (this.#complete) this.#copy(joins);
  }

  #copy(joins: readonly Join[]): void {
    if (joins.length === 0) return;
    const encoder = this.#gpu.device.createCommandEncoder({ label: 'join' });
    for (const { from, buffer, offset, size } of joins) {
      encoder.copyBufferToBuffer(from.buffer, from.offset, buffer, offset, size);
    }
    this.#gpu.device.queue.submit([encoder.finish()]);
  }

  dispose(): void {
    this.#ring?.dispose();
    this.#set.dispose();
  }
}
