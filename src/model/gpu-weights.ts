import { BambaError } from '../errors.ts';
import { BufferSet, type BufferSlice, slice } from '../gpu/buffers.ts';
import { type Gpu, type GpuLimits, largestBinding } from '../gpu/device.ts';
import { type UploadCopy, UploadRing } from '../gpu/upload-ring.ts';
import type { Matrix, MatrixPart } from '../kernels/projections/matrix.ts';
import { alignTo, rowBytes, scaleBytesPerRow, TENSOR_ALIGNMENT } from '../weights/layout.ts';
import type { TensorEntry } from '../weights/types.ts';

/** Bytes [begin, end) of the package's stream, and where in which GPU buffer they go. */
interface Copy {
  begin: number;
  end: number;
  buffer: number;
  offset: number;
}

interface Placement {
  /** Size of each GPU buffer. */
  buffers: number[];
  copies: Copy[];
  tensors: Map<string, PlacedTensor>;
}

interface PlacedTensor {
  entry: TensorEntry;
  parts: { buffer: number; offset: number; bytes: number; firstRow: number; rows: number }[];
}

/**
 * Decides where each tensor goes: buffers are filled in stream order; a matrix that no binding could hold is cut by
 * rows into parts, each with its own scales.
 * @throws BambaError `adapter_limit` when a single tensor cannot be bound at all.
 */
export function placeTensors(entries: readonly TensorEntry[], limits: GpuLimits): Placement {
  const maxBinding = largestBinding(limits);
  const placement: Placement = { buffers: [], copies: [], tensors: new Map() };

  const reserve = (bytes: number) => {
    const last = placement.buffers.length - 1;
    const used = last < 0 ? Infinity : alignTo(placement.buffers[last]!, TENSOR_ALIGNMENT);
    if (used + bytes > limits.maxBufferSize) {
      placement.buffers.push(bytes);
      return { buffer: last + 1, offset: 0 };
    }
    placement.buffers[last] = used + bytes;
    return { buffer: last, offset: used };
  };

  for (const entry of entries) {
    const placed: PlacedTensor = { entry, parts: [] };
    placement.tensors.set(entry.name, placed);
    const rows = entry.shape.length === 2 ? entry.shape[0]! : 1;
    if (entry.bytes <= maxBinding) {
      const at = reserve(entry.bytes);
      placement.copies.push({ begin: entry.offset, end: entry.offset + entry.bytes, ...at });
      placed.parts.push({ ...at, bytes: entry.bytes, firstRow: 0, rows });
      continue;
    }
    const [, columns = Infinity] = entry.shape;
    const row = rowBytes(entry.scheme, columns);
    const scale = scaleBytesPerRow(entry.scheme, columns);
    // Four rows at a time, as the kernels take them; 16 bytes for the padding behind the scales.
    const rowsPerPart = Math.floor((maxBinding - 16) / (row + scale) / 4) * 4;
    if (rowsPerPart < 4) {
      throw new BambaError(
        'adapter_limit',
        `The tensor ${entry.name} has ${megabytes(entry.bytes)}, and this graphics adapter binds at most ` +
          `${megabytes(maxBinding)} at once. Choose a smaller model or another adapter.`,
      );
    }
    for (let firstRow = 0; firstRow < rows; firstRow += rowsPerPart) {
      const partRows = Math.min(rowsPerPart, rows - firstRow);
      const bytes = alignTo(partRows * (row + scale), 16);
      const at = reserve(bytes);
      const begin = entry.offset + firstRow * row;
      placement.copies.push({ begin, end: begin + partRows * row, ...at });
      if (scale > 0) {
        const scales = entry.offset + rows * row + firstRow * scale;
        placement.copies.push({
          begin: scales,
          end: scales + partRows * scale,
          buffer: at.buffer,
          offset: at.offset + partRows * row,
        });
      }
      placed.parts.push({ ...at, bytes, firstRow, rows: partRows });
    }
  }
  placement.copies.sort((left, right) => left.begin - right.begin);
  return placement;
}

function megabytes(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(0)} MiB`;
}

/** A model's weights on the GPU, filled from the package's stream piece by piece. */
export class GpuWeights {
  readonly #gpu: Gpu;
  readonly #set: BufferSet;
  readonly #buffers: GPUBuffer[];
  readonly #placement: Placement;
  readonly #joined = new Map<string, BufferSlice>();
  /** Copies into joined tensors that wait for what they copy. */
  #joins: (BufferSlice & { from: BufferSlice })[] = [];
  #complete = false;
  #ring: UploadRing | null = null;

  private constructor(gpu: Gpu, set: BufferSet, buffers: GPUBuffer[], placement: Placement) {
    this.#gpu = gpu;
    this.#set = set;
    this.#buffers = buffers;
    this.#placement = placement;
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
      const buffers = await gpu.guarded(`allocating ${megabytes(total)} of weights`, () =>
        placement.buffers.map((bytes, index) => set.storage(`buffer ${index}`, bytes)),
      );
      return new GpuWeights(gpu, set, buffers, placement);
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
    const copies = this.#placement.copies.flatMap((copy): UploadCopy[] => {
      const from = Math.max(begin, copy.begin);
      const to = Math.min(end, copy.end);
      if (from >= to) return [];
      const target = { buffer: this.#buffers[copy.buffer]!, offset: copy.offset + from - copy.begin };
      return [{ begin: from - begin, end: to - begin, ...target }];
    });
    this.#ring ??= new UploadRing(this.#gpu, { bytes: this.bytes });
    await this.#ring.write(data, copies);
  }

  /**
   * To be called when the weights are all there, uploaded or made on the GPU: waits until all that was uploaded has
   * arrived, and frees what uploading took. @throws BambaError as `upload`.
   */
  async finishUploads(): Promise<void> {
    await this.#ring?.drain();
    this.#complete = true;
    this.#join();
    this.#ring?.dispose();
    this.#ring = null;
  }

  /** @throws BambaError `manifest_invalid` when the package lacks the matrix or has another shape of it. */
  matrix(name: string, rows: number, columns: number): Matrix {
    const placed = this.#tensor(name, [rows, columns]);
    const parts = placed.parts.map(({ buffer, offset, bytes, firstRow, rows: partRows }): MatrixPart => ({
      slice: { buffer: this.#buffers[buffer]!, offset, size: bytes },
      firstRow,
      rows: partRows,
    }));
    return { scheme: placed.entry.scheme, rows, columns, parts };
  }

  /** A plain f32 tensor. @throws BambaError `manifest_invalid`, `adapter_limit`. */
  plain(name: string, ...shape: number[]): BufferSlice {
    const placed = this.#tensor(name, shape);
    const [part] = placed.parts;
    if (placed.entry.scheme !== 'f32' || placed.parts.length !== 1) {
      throw new BambaError('manifest_invalid', `The package's tensor ${name} is not stored as plain f32.`);
    }
    return { buffer: this.#buffers[part!.buffer]!, offset: part!.offset, size: part!.bytes };
  }

  /**
   * Plain tensors of (length) each, one behind the other in a buffer of their own: kernels have few bindings. It has its
   * values when uploads have finished.
   */
  joined(name: string, tensors: readonly string[], length: number): BufferSlice {
    const found = this.#joined.get(name);
    if (found) return found;
    const buffer = this.#set.floats(name, tensors.length, length);
    for (const [index, tensor] of tensors.entries()) {
      const to = slice(buffer, index * length * 4, length * 4);
      this.#joins.push({ ...to, from: this.plain(tensor, length) });
    }
    if (this.#complete) this.#join();
    const joined = slice(buffer);
    this.#joined.set(name, joined);
    return joined;
  }

  #join(): void {
    if (this.#joins.length === 0) return;
    const encoder = this.#gpu.device.createCommandEncoder({ label: 'join' });
    for (const { from, buffer, offset, size } of this.#joins) {
      encoder.copyBufferToBuffer(from.buffer, from.offset, buffer, offset, size);
    }
    this.#gpu.device.queue.submit([encoder.finish()]);
    this.#joins = [];
  }

  #tensor(name: string, shape: readonly number[]): PlacedTensor {
    const placed = this.#placement.tensors.get(name);
    if (!placed || placed.entry.shape.join() !== shape.join()) {
      const found = placed ? `has it as (${placed.entry.shape.join(', ')})` : 'has no such tensor';
      throw new BambaError(
        'manifest_invalid',
        `The model needs the tensor ${name} of shape (${shape.join(', ')}), but the package ${found}. Convert the model again.`,
      );
    }
    return placed;
  }

  dispose(): void {
    this.#ring?.dispose();
    this.#set.dispose();
  }
}
