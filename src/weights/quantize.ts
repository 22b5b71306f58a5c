import { BambaError } from '../errors.ts';
import { decodeF16, decodeF8, encodeF16, encodeF8, F16_MAX, F8_MAX } from './half.ts';
import { decodeInt4Row, encodeInt4Row } from './int4.ts';
import { matrixBytes, rowBytes, scaleBytesPerRow } from './layout.ts';
import type { Scheme } from './types.ts';

// Rows of weights into the bytes of layout.ts and back. Rounding is to nearest, ties to even. A row's scale of int8 and
// fp8 is its largest magnitude over the scheme's largest value, as an f32; the weights are divided by that f32, not by
// the exact quotient, since it is what they will be multiplied with.

const INT8_MAX = 127;
/** Below this an f32 is subnormal, which a GPU may flush to zero. */
const SMALLEST_NORMAL = 2 ** -126;
/** Adding and subtracting it rounds an f64 of up to 2^51 to an integer, ties to even. */
const ROUNDER = 1.5 * 2 ** 52;

/** Rows of a matrix in the layout's form. */
export interface QuantizedRows {
  /** (rows) of `rowBytes(scheme, columns)` each, padded with zeros. */
  bytes: Uint8Array;
  /** (rows) of `scaleBytesPerRow(scheme, columns)` each. */
  scales: Uint8Array<ArrayBuffer>;
}

/**
 * Quantizes `values` (rows, columns). `name` and `firstRow` place a weight in errors.
 * @throws BambaError `checkpoint_invalid` for a weight that is not finite; `unsupported_model` for one beyond f16.
 */
export function quantizeRows(
  scheme: Scheme,
  values: Float32Array,
  columns: number,
  { name, firstRow = 0 }: { name: string; firstRow?: number },
): QuantizedRows {
  const rows = values.length / columns;
  const stride = rowBytes(scheme, columns);
  const bytes = new Uint8Array(rows * stride);
  const scaleBytes = scaleBytesPerRow(scheme, columns);
  const scales = new Uint8Array(rows * scaleBytes);
  const scaleView = new DataView(scales.buffer);
  for (let row = 0; row < rows; row++) {
    const source = values.subarray(row * columns, (row + 1) * columns);
    const largest = largestMagnitude(source, name, firstRow + row);
    const at = row * stride;
    if (scheme === 'f32') new Float32Array(bytes.buffer, at, columns).set(source);
    else if (scheme === 'f16') {
      if (largest > F16_MAX) throw beyondF16(name, firstRow + row, largest);
      encodeRow(source, new Uint16Array(bytes.buffer, at, columns), encodeF16);
    } else if (scheme === 'int4') {
      encodeInt4Row(source, bytes.subarray(at, at + stride), scales.subarray(row * scaleBytes, (row + 1) * scaleBytes));
    } else {
      const scale = rowScale(largest, scheme === 'int8' ? INT8_MAX : F8_MAX);
      scaleView.setFloat32(row * 4, scale, true);
      // A row too small for a normal scale is stored as zeros with scale 0.
      if (scale === 0) continue;
      if (scheme === 'int8') quantizeInt8(source, scale, new Int8Array(bytes.buffer, at, columns));
      else encodeRow(source, bytes.subarray(at, at + columns), (value) => encodeF8(value / scale));
    }
  }
  return { bytes, scales };
}

/** Scale of a row: an f32, 0 where it would not be a normal number. */
function rowScale(largest: number, schemeMax: number): number {
  const scale = Math.fround(largest / schemeMax);
  return scale < SMALLEST_NORMAL ? 0 : scale;
}

function quantizeInt8(source: Float32Array, scale: number, out: Int8Array): void {
  for (let i = 0; i < source.length; i++) {
    // The rounding of the scale can put the largest weight at 127.00001, never at 127.5: no clamp is needed.
    out[i] = (source[i] as number) / scale + ROUNDER - ROUNDER;
  }
}

function encodeRow(source: Float32Array, out: Uint8Array | Uint16Array, encode: (value: number) => number): void {
  for (let i = 0; i < source.length; i++) out[i] = encode(source[i] as number);
}

function largestMagnitude(row: Float32Array, name: string, index: number): number {
  let largest = 0;
  for (let i = 0; i < row.length; i++) {
    const magnitude = Math.abs(row[i] as number);
    if (magnitude > largest) largest = magnitude;
    else if (Number.isNaN(magnitude)) largest = NaN; // stays: nothing is greater than NaN
  }
  if (largest < Infinity) return largest;
  throw new BambaError(
    'checkpoint_invalid',
    `Tensor ${name} has a weight in row ${index} that is not a finite number. The checkpoint is damaged.`,
  );
}

function beyondF16(name: string, row: number, largest: number): BambaError {
  return new BambaError(
    'unsupported_model',
    `Tensor ${name} has a weight of magnitude ${largest} in row ${row}, and f16 ends at ${F16_MAX}. ` +
      'Choose another scheme: int8, fp8, int4 or f32.',
  );
}

/** Weights (rows, columns) that `bytes`, a whole matrix of the layout, stands for: the truth that kernels are held to. */
export function dequantizeMatrix(scheme: Scheme, bytes: Uint8Array, rows: number, columns: number): Float32Array {
  if (bytes.length !== matrixBytes(scheme, rows, columns)) {
    throw new RangeError(
      `A (${rows}, ${columns}) ${scheme} matrix takes ${matrixBytes(scheme, rows, columns)} bytes, not ${bytes.length}.`,
    );
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const stride = rowBytes(scheme, columns);
  const scaleBytes = scaleBytesPerRow(scheme, columns);
  const out = new Float32Array(rows * columns);
  for (let row = 0; row < rows; row++) {
    const scalesAt = rows * stride + row * scaleBytes;
    if (scheme === 'int4') {
      decodeInt4Row(
        bytes.subarray(row * stride, (row + 1) * stride),
        bytes.subarray(scalesAt, scalesAt + scaleBytes),
        out.subarray(row * columns, (row + 1) * columns),
      );
      continue;
    }
    const scale = scaleBytes > 0 ? view.getFloat32(scalesAt, true) : 1;
    for (let column = 0; column < columns; column++) {
      out[row * columns + column] = storedValue(scheme, view, row * stride, column) * scale;
    }
  }
  return out;
}

function storedValue(scheme: Exclude<Scheme, 'int4'>, view: DataView, rowBegin: number, column: number): number {
  if (scheme === 'f32') return view.getFloat32(rowBegin + column * 4, true);
  if (scheme === 'f16') return decodeF16(view.getUint16(rowBegin + column * 2, true));
  return scheme === 'int8' ? view.getInt8(rowBegin + column) : decodeF8(view.getUint8(rowBegin + column));
}
