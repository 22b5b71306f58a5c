import { BambaError } from '../errors.ts';
import { decodeF16, decodeF8, F16_MAX } from './half.ts';
import { decodeInt4Row, Int4RowEncoder } from './int4.ts';
import { matrixBytes, rowBytes, scaleBytesPerRow } from './layout.ts';
import { encodeF16Row, encodeInt8, Fp8RowEncoder, LARGEST_STORED, largestBits } from './quantize-row.ts';
import type { Scheme } from './types.ts';

// Rows of weights into the bytes of layout.ts and back. Rounding is to nearest, ties to even. A row's scale of int8 and
// fp8 is its largest magnitude over the scheme's largest value, as an f32. The weights are divided by that f32, not by
// the exact quotient, since they will be multiplied with it.

/** Below this an f32 is subnormal, which a GPU may flush to zero. */
const SMALLEST_NORMAL = 2 ** -126;

/** Rows of a matrix in the layout's form. */
export interface QuantizedRows {
  /** (rows) of `rowBytes(scheme, columns)` each, padded with zeros. */
  bytes: Uint8Array;
  /** (rows) of `scaleBytesPerRow(scheme, columns)` each. */
  scales: Uint8Array<ArrayBuffer>;
}

/**
 * Quantizes `values` (rows, columns). `name` and `firstRow` place a weight in errors; `hasLevels` is for weights that are
 * of 16 levels in each group of int4 already.
 * @throws BambaError `checkpoint_invalid` for a weight that is not finite; `unsupported_model` for one beyond f16.
 */
export function quantizeRows(
  scheme: Scheme,
  values: Float32Array,
  columns: number,
  { name, firstRow = 0, hasLevels = false }: { name: string; firstRow?: number; hasLevels?: boolean },
): QuantizedRows {
  const rows = values.length / columns;
  const stride = rowBytes(scheme, columns);
  const bytes = new Uint8Array(rows * stride);
  const scaleBytes = scaleBytesPerRow(scheme, columns);
  const scales = new Uint8Array(rows * scaleBytes);
  const words = new Int32Array(values.buffer, values.byteOffset, values.length);
  const encode = rowEncoder(scheme, { values, words, columns, hasLevels }, bytes, scales);
  for (let row = 0; row < rows; row++) {
    const begin = row * columns;
    const largest = asFloat(largestBits(words, begin, begin + columns));
    // Infinity, or not a number: its bits are greater than all others.
    if (!(largest < Infinity)) throw notFinite(name, firstRow + row);
    if (scheme === 'f16' && largest > F16_MAX) throw beyondF16(name, firstRow + row, largest);
    encode(row, begin, begin + columns, largest);
  }
  return { bytes, scales };
}

type RowEncoder = (row: number, begin: number, end: number, largest: number) => void;

/** Encodes weights [begin, end) of `values` into row `row` of `bytes` and `scales`. */
function rowEncoder(
  scheme: Scheme,
  given: { values: Float32Array; words: Int32Array; columns: number; hasLevels: boolean },
  bytes: Uint8Array,
  scales: Uint8Array<ArrayBuffer>,
): RowEncoder {
  const { values, words, columns, hasLevels } = given;
  const stride = rowBytes(scheme, columns);
  switch (scheme) {
    case 'f32': {
      const out = new Float32Array(bytes.buffer);
      return (row, begin, end) => out.set(values.subarray(begin, end), (row * stride) / 4);
    }
    case 'f16': {
      const out = new Uint16Array(bytes.buffer);
      return (row, begin, end) => encodeF16Row(values, words, begin, end, out, (row * stride) / 2);
    }
    case 'int4': {
      const encoder = new Int4RowEncoder(columns);
      const scaleBytes = scaleBytesPerRow(scheme, columns);
      return (row, begin, end) =>
        encoder.encode(values, begin, end, bytes, row * stride, scales, row * scaleBytes, hasLevels);
    }
    case 'int8':
    case 'fp8': {
      const scaleView = new Float32Array(scales.buffer);
      const out = new Int8Array(bytes.buffer);
      const fp8 = scheme === 'fp8' ? new Fp8RowEncoder(columns) : null;
      return (row, begin, end, largest) => {
        const scale = rowScale(largest, LARGEST_STORED[scheme]);
        scaleView[row] = scale;
        // A row too small for a normal scale is stored as zeros with scale 0.
        if (scale === 0) return;
        if (fp8) fp8.encode(values, begin, end, scale, bytes, row * stride);
        else encodeInt8(values, begin, end, scale, out, row * stride);
      };
    }
    default:
      throw new RangeError(`There is no scheme ${String(scheme satisfies never)}.`);
  }
}

const scratch = new Float32Array(1);
const scratchWord = new Int32Array(scratch.buffer);

function asFloat(bits: number): number {
  scratchWord[0] = bits;
  return scratch[0] as number;
}

/** Scale of a row: an f32, 0 where it would not be a normal number. */
function rowScale(largest: number, schemeMax: number): number {
  const scale = Math.fround(largest / schemeMax);
  return scale < SMALLEST_NORMAL ? 0 : scale;
}

function notFinite(name: string, row: number): BambaError {
  return new BambaError(
    'checkpoint_invalid',
    `Tensor ${name} has a weight in row ${row} that is not a finite number. The checkpoint is damaged.`,
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
