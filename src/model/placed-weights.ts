import { BambaError } from '../errors.ts';
import { type BufferMaker, type BufferSlice, slice } from '../gpu/buffers.ts';
import { type GpuLimits, largestBinding } from '../gpu/device.ts';
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

/** The places of all tensors of a model. */
export interface Placement {
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
 * Decides where each tensor goes. Buffers are filled in stream order. A matrix that no binding could hold is cut by
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

/** A size for people. */
export function megabytes(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(0)} MiB`;
}

/** A copy into a range of a joined tensor. */
export type Join = BufferSlice & { from: BufferSlice };

/**
 * A model's weights in buffers, as dispatches bind them. The maker of the buffers may be a device, or a tally of bytes.
 */
export class PlacedWeights {
  readonly #set: BufferMaker;
  readonly #placement: Placement;
  readonly #joined = new Map<string, BufferSlice>();
  /** By the numbers that the placement has. */
  protected readonly buffers: readonly GPUBuffer[];

  /** Makes the buffers of `placement`. */
  constructor(set: BufferMaker, placement: Placement) {
    this.#set = set;
    this.#placement = placement;
    this.buffers = placement.buffers.map((bytes, index) => set.storage(`buffer ${index}`, bytes));
  }

  /** @throws BambaError `manifest_invalid` when the package lacks the matrix or has another shape of it. */
  matrix(name: string, rows: number, columns: number): Matrix {
    const placed = this.#tensor(name, [rows, columns]);
    const parts = placed.parts.map(({ buffer, offset, bytes, firstRow, rows: partRows }): MatrixPart => ({
      slice: { buffer: this.buffers[buffer]!, offset, size: bytes },
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
    return { buffer: this.buffers[part!.buffer]!, offset: part!.offset, size: part!.bytes };
  }

  /**
   * Plain tensors of (length) each, one behind the other in a buffer of their own: kernels have few bindings. It has its
   * values when uploads have finished.
   */
  joined(name: string, tensors: readonly string[], length: number): BufferSlice {
    const found = this.#joined.get(name);
    if (found) return found;
    const buffer = this.#set.floats(name, tensors.length, length);
    const copies = tensors.map((tensor, index) => ({
      ...slice(buffer, index * length * 4, length * 4),
      from: this.plain(tensor, length),
    }));
    this.join(copies);
    const joined = slice(buffer);
    this.#joined.set(name, joined);
    return joined;
  }

  /** Copies into joined tensors are due when what they copy is there. In buffers without contents nothing is. */
  protected join(_joins: readonly Join[]): void {}

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
}
