import { BufferSet } from './buffers.ts';
import type { Gpu } from './device.ts';

/** Bytes [begin, end) of the data, and where in which buffer they go; all multiples of 4. */
export interface UploadCopy {
  begin: number;
  end: number;
  buffer: GPUBuffer;
  offset: number;
}

/** Bytes of a piece on its way to the GPU: a shard of a package. */
const PIECE_BYTES = 16 * 2 ** 20;

/** Pieces on their way at once: one being filled by the host while the browser and the GPU copy the others. */
const PIECES = 4;

/** A staging buffer, and when the host may fill it again. */
interface Slot {
  buffer: GPUBuffer;
  mapped: Promise<void>;
}

/**
 * Large uploads through a few staging buffers, which the host writes into and the GPU copies out of, in turn. That is
 * some three times as fast as `queue.writeBuffer`, and its memory does not grow with the upload.
 *
 * ```ts
 * const ring = new UploadRing(gpu, { bytes: weights.byteLength });
 * await ring.write(weights, [{ begin: 0, end: weights.byteLength, buffer, offset: 0 }]);
 * await ring.drain();
 * ring.dispose();
 * ```
 */
export class UploadRing {
  readonly #gpu: Gpu;
  readonly #set: BufferSet;
  readonly #slots: Slot[];
  readonly #pieceBytes: number;
  #next = 0;

  /** @param options.bytes what will be uploaded in all, about: less than the ring holds takes a smaller ring. */
  constructor(gpu: Gpu, options: { bytes: number; pieceBytes?: number; pieces?: number }) {
    const { bytes, pieceBytes = PIECE_BYTES, pieces = PIECES } = options;
    this.#gpu = gpu;
    this.#set = new BufferSet(gpu.device, 'upload');
    this.#pieceBytes = Math.min(pieceBytes, Math.max(16, Math.ceil(bytes / 16) * 16));
    const count = Math.min(pieces, Math.max(1, Math.ceil(bytes / this.#pieceBytes)));
    this.#slots = Array.from({ length: count }, (_, index) => {
      const buffer = this.#set.staging(`piece ${index}`, this.#pieceBytes);
      return { buffer, mapped: this.#map(buffer) };
    });
  }

  /**
   * Sends parts of `data` on their way. Calls may overlap; pieces go in the order of the calls.
   * @returns when `data` may be changed: the host is done with it, the GPU need not be.
   * @throws BambaError `device_lost`, `disposed`, `out_of_memory`, `gpu_failure`.
   */
  async write(data: Uint8Array, copies: readonly UploadCopy[]): Promise<void> {
    const pieces: Promise<void>[] = [];
    for (let first = 0; first < data.length; first += this.#pieceBytes) {
      const last = Math.min(data.length, first + this.#pieceBytes);
      const parts = copies.flatMap(({ begin, end, buffer, offset }): UploadCopy[] => {
        const from = Math.max(begin, first);
        const to = Math.min(end, last);
        return from < to ? [{ begin: from - first, end: to - first, buffer, offset: offset + from - begin }] : [];
      });
      if (parts.length > 0) pieces.push(this.#send(data.subarray(first, last), parts));
    }
    await Promise.all(pieces);
  }

  /** Resolves when all that was written has arrived. @throws BambaError as `write`. */
  async drain(): Promise<void> {
    await Promise.all(this.#slots.map(({ mapped }) => mapped));
  }

  #send(piece: Uint8Array, copies: readonly UploadCopy[]): Promise<void> {
    const slot = this.#slots[this.#next]!;
    this.#next = (this.#next + 1) % this.#slots.length;
    const sent = this.#fill(slot, piece, copies);
    slot.mapped = sent.then(() => this.#map(slot.buffer));
    slot.mapped.catch(() => {}); // whoever writes next or drains hears of it
    return sent;
  }

  async #fill({ buffer: staging, mapped }: Readonly<Slot>, piece: Uint8Array, copies: readonly UploadCopy[]) {
    await mapped;
    const { device } = this.#gpu;
    new Uint8Array(staging.getMappedRange(0, piece.length)).set(piece);
    staging.unmap();
    const encoder = device.createCommandEncoder({ label: 'upload' });
    for (const { begin, end, buffer, offset } of copies) {
      encoder.copyBufferToBuffer(staging, begin, buffer, offset, end - begin);
    }
    device.queue.submit([encoder.finish()]);
  }

  #map(buffer: GPUBuffer): Promise<void> {
    const mapped = this.#gpu.map(buffer, GPUMapMode.WRITE, 'The GPU did not take the weights.');
    mapped.catch(() => {});
    return mapped;
  }

  /** Frees the staging buffers; what was not drained may be lost. Idempotent. */
  dispose(): void {
    this.#set.dispose();
  }
}
