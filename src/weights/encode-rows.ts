import { BambaError } from '../errors.ts';
import { throwIfAborted } from './abort.ts';
import type { Checkpoint } from './checkpoint.ts';
import { F8_NAN } from './half.ts';
import { rowBytes, scaleBytesPerRow } from './layout.ts';
import { type QuantizedRows, quantizeRows } from './quantize.ts';
import { readSource, readStoredSource, sourceRows } from './tensor-sources.ts';
import { type Scheme, TENSOR_MAPS, type TensorSource, type TensorSpec } from './types.ts';

// Rows of a package's tensor, made from the rows of its sources.

/** f32 bytes of the rows that are worked on at once. */
const PIECE_BYTES = 2 ** 20;

/** Arrays that are used again: fresh ones cost a third of the time, and pile up until they are collected. */
class Arrays {
  readonly #free: Float32Array[] = [];

  take(length: number): Float32Array {
    const found = this.#free.findIndex((array) => array.length >= length);
    const array = found < 0 ? new Float32Array(length) : (this.#free.splice(found, 1)[0] as Float32Array);
    return array.subarray(0, length);
  }

  give(array: Float32Array): void {
    this.#free.push(new Float32Array(array.buffer));
  }
}

/** A tensor of a package with the checkpoint that it is made from. */
export interface EncodedTensor {
  checkpoint: Checkpoint;
  spec: TensorSpec;
  scheme: Scheme;
}

/** Rows from one of a tensor to the next in the layout: a vector's elements are rows of one column, without padding. */
export interface RowLayout {
  rows: number;
  columns: number;
  /** Bytes from one row of weights to the next. */
  stride: number;
  /** Bytes of the scales of a row. */
  scaleBytes: number;
}

/** How the rows of a tensor lie in a package of `scheme`. */
export function rowLayout({ shape }: Pick<TensorSpec, 'shape'>, scheme: Scheme): RowLayout {
  const [rows = 1, columns = 1] = shape;
  if (shape.length === 1) return { rows, columns, stride: 4, scaleBytes: 0 };
  return { rows, columns, stride: rowBytes(scheme, columns), scaleBytes: scaleBytesPerRow(scheme, columns) };
}

/** Rows [first, first + count) of a tensor. */
interface Piece {
  first: number;
  count: number;
  /** Rows of one source, or of several in turn. */
  parts: { source: TensorSource; begin: number; end: number }[];
}

/**
 * Rows [firstRow, end) of a tensor in pieces of bounded size, in order. While one piece is taken, the next is being read.
 * A piece may begin before `firstRow`, where rows of several sources take turns; `first` says where it does.
 * @throws BambaError `checkpoint_invalid`, `unsupported_model`, `aborted`; what the checkpoint's source throws.
 */
export async function* encodeRows(
  tensor: EncodedTensor,
  firstRow: number,
  end: number,
  signal?: AbortSignal,
): AsyncGenerator<QuantizedRows & { first: number }> {
  const layout = rowLayout(tensor.spec, tensor.scheme);
  const arrays = new Arrays();
  let ahead: Promise<(() => QuantizedRows)[]> | null = null;
  const pieces = [...piecesOf(tensor.spec, layout, firstRow, end)];
  for (const [index, piece] of pieces.entries()) {
    const encoders = await (ahead ?? readPiece(tensor, piece, layout, arrays, signal));
    const next = pieces[index + 1];
    ahead = next ? readPiece(tensor, next, layout, arrays, signal) : null;
    // A failure is for whoever comes for the next piece; nobody may.
    ahead?.catch(() => {});
    const parts = encoders.map((quantize) => quantize());
    yield { first: piece.first, ...(parts.length === 1 ? (parts[0] as QuantizedRows) : interleave(parts, layout)) };
  }
}

function* piecesOf(spec: TensorSpec, { rows, columns }: RowLayout, firstRow: number, endRow: number): Generator<Piece> {
  const { sources } = spec;
  // Two interleaved sources are read side by side and share the piece.
  const together = spec.arrange === 'interleave' ? 2 : 1;
  const rowsAtOnce = Math.max(1, Math.floor(PIECE_BYTES / (columns * 4 * together)));
  if (sources.length === 0) {
    for (let first = firstRow; first < endRow; first += rowsAtOnce) {
      yield { first, count: Math.min(rowsAtOnce, endRow - first), parts: [] };
    }
    return;
  }
  let base = 0;
  for (let index = 0; index < sources.length; index += together) {
    const group = sources.slice(index, index + together);
    const height = sourceRows(group[0] as TensorSource);
    const begin = Math.max(0, Math.floor((firstRow - base) / together));
    const end = Math.min(height, Math.ceil((endRow - base) / together));
    for (let row = begin; row < end; row += rowsAtOnce) {
      const last = Math.min(end, row + rowsAtOnce);
      yield {
        first: base + row * together,
        count: (last - row) * together,
        parts: group.map((source) => ({ source, begin: row, end: last })),
      };
    }
    base += height * together;
  }
  if (base !== rows) throw new RangeError(`The sources of ${spec.name} have ${base} rows, its shape ${rows}.`);
}

/** Reads what a piece is made of; what comes back quantizes it. */
async function readPiece(
  { checkpoint, spec, scheme }: EncodedTensor,
  piece: Piece,
  layout: RowLayout,
  arrays: Arrays,
  signal?: AbortSignal,
): Promise<(() => QuantizedRows)[]> {
  throwIfAborted(signal);
  if (piece.parts.length === 0) return [() => constants(spec, piece.count, layout)];
  const encoders: (() => QuantizedRows)[] = [];
  for (const { source, begin, end } of piece.parts) {
    const stored = await readStoredSource(checkpoint, source, scheme, begin, end, signal);
    if (stored) {
      encoders.push(() => passThrough(stored, scheme, source.name, begin, layout.columns));
      continue;
    }
    const hasLevels = scheme === 'int4' && checkpoint.hasLevels(source.name);
    const values = await readSource(checkpoint, source, begin, end, signal, (length) => arrays.take(length));
    encoders.push(() => {
      const place = { name: source.name, firstRow: begin, hasLevels };
      const rows = encode(spec, scheme, values, layout.columns, place);
      arrays.give(values);
      return rows;
    });
  }
  return encoders;
}

/** Rows of a tensor without sources: zeros, and what its map makes of them. */
function constants(spec: TensorSpec, count: number, { columns, stride, scaleBytes }: RowLayout): QuantizedRows {
  if (spec.map)
    return encode(spec, 'f32', new Float32Array(count * columns), columns, {
      name: spec.name,
      firstRow: 0,
      hasLevels: false,
    });
  return { bytes: new Uint8Array(count * stride), scales: new Uint8Array(count * scaleBytes) };
}

/** Rows of a checkpoint of 8 bits as they are: requantizing would round them a second time. */
function passThrough(
  stored: { bytes: Uint8Array; scales: Float32Array },
  scheme: Scheme,
  name: string,
  firstRow: number,
  columns: number,
): QuantizedRows {
  const nan = scheme === 'fp8' ? stored.bytes.findIndex((code) => (code & 0x7f) === F8_NAN) : -1;
  if (nan >= 0) {
    throw new BambaError(
      'checkpoint_invalid',
      `Tensor ${name} has a weight in row ${firstRow + Math.floor(nan / columns)} that is not a number. ` +
        'The checkpoint is damaged.',
    );
  }
  const stride = rowBytes(scheme, columns);
  const rows = stored.scales.length;
  const bytes = new Uint8Array(rows * stride);
  for (let row = 0; row < rows; row++) {
    bytes.set(stored.bytes.subarray(row * columns, (row + 1) * columns), row * stride);
  }
  return { bytes, scales: new Uint8Array(stored.scales.slice().buffer) };
}

function encode(
  spec: TensorSpec,
  scheme: Scheme,
  values: Float32Array,
  columns: number,
  place: { name: string; firstRow: number; hasLevels: boolean },
): QuantizedRows {
  if (spec.map) {
    const map = TENSOR_MAPS[spec.map];
    for (let i = 0; i < values.length; i++) values[i] = map(values[i] as number);
  }
  if (spec.shape.length === 2) return quantizeRows(scheme, values, columns, place);
  // One row of the length of the piece, so that a vector is not padded element by element.
  const { bytes } = quantizeRows('f32', values, values.length, place);
  return { bytes: bytes.subarray(0, values.length * 4), scales: new Uint8Array() };
}

/** Row 0 of each part, row 1 of each part, and so on. */
function interleave(parts: readonly QuantizedRows[], { stride, scaleBytes }: RowLayout): QuantizedRows {
  const rows = (parts[0] as QuantizedRows).bytes.length / stride;
  const bytes = new Uint8Array(rows * stride * parts.length);
  const scales = new Uint8Array(rows * scaleBytes * parts.length);
  for (const [index, part] of parts.entries()) {
    for (let row = 0; row < rows; row++) {
      const target = row * parts.length + index;
      bytes.set(part.bytes.subarray(row * stride, (row + 1) * stride), target * stride);
      scales.set(part.scales.subarray(row * scaleBytes, (row + 1) * scaleBytes), target * scaleBytes);
    }
  }
  return { bytes, scales };
}
