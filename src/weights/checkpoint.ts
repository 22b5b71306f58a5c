import { BambaError } from '../errors.ts';
import { type ByteSource, readExactly } from './byte-source.ts';
import { type Encoding, encodingOf, OF_16_LEVELS, READABLE } from './encodings.ts';
import { type BlockSize, isScale, type ScaleLayout, scaleLayout } from './fp8-scales.ts';
import { PackedReader } from './packed/packed-reader.ts';
import { isPacked, type PackedMatrix, packedMatrix, type Packing } from './packed/packed-tensors.ts';
import type { PieceKeeper } from './pieces.ts';
import { readText } from './read-text.ts';
import { applyMap, moveColumns, requireColumns, rowWidth, storedRow } from './stored-order.ts';
import type { RotaryRows, Scheme, TensorInfo } from './types.ts';
import { TensorFiles } from './tensor-files.ts';

/** Raw bytes read at once. */
const READ_BYTES = 4 * 2 ** 20;
/** Scale tensors kept decoded: those of one stacked tensor's sources, and some more. */
const SCALES_KEPT = 8;
/** Weights of a row that share 16 levels. */
const LEVEL_GROUP = 32;

/** How weights are rounded, by config.json. */
export interface Quantization {
  /** Rows and columns that share a scale of 8-bit weights. */
  blocks?: BlockSize | null;
  /** How matrices of small integers are packed. */
  packing?: Packing | null;
}

/** Dtypes of 8 bits that come with scales beside them, and the scheme that holds them as they are. */
const SCALED: Readonly<Record<string, Scheme>> = { F8_E4M3: 'fp8', I8: 'int8' };

/** Rows of a tensor of 8 bits as they are stored, each with its scale: weight = value of the byte * scale. */
export interface StoredRows {
  /** (rows, columns) E4M3FN, or integers. */
  bytes: Uint8Array;
  /** (rows) */
  scales: Float32Array;
}

/**
 * A checkpoint in Hugging Face's layout: safetensors in one file or several with an index, and text files beside them.
 * All headers are read and checked on opening; tensors are read by rows, as much at a time as the caller asks for.
 * Tensors of 8 bits with scales beside them read as what they stand for, see `fp8-scales.ts`, and so do packed matrices, see
 * `packed/packed-tensors.ts`.
 *
 * ```ts
 * const checkpoint = await Checkpoint.open(source);
 * const rows = await checkpoint.readRows('model.embed_tokens.weight', 0, 100); // (100, C)
 * ```
 */
export class Checkpoint {
  readonly #source: ByteSource;
  readonly #files: TensorFiles;
  readonly #blocks: BlockSize | null;
  readonly #packing: Packing | null;
  readonly #packedReader: PackedReader;
  /** Packed matrices that were asked for, by name. */
  readonly #packed = new Map<string, PackedMatrix>();
  /** Whether F8 tensors come with scales here; one without is then an error rather than a tensor of scale 1. */
  readonly #scaled: boolean;
  readonly #scales = new Map<string, Float32Array>();

  private constructor(source: ByteSource, files: TensorFiles, { blocks = null, packing = null }: Quantization) {
    this.#source = source;
    this.#files = files;
    this.#blocks = blocks;
    this.#packing = packing;
    this.#packedReader = new PackedReader(source);
    this.#scaled = [...files.tensors.keys()].some(isScale);
  }

  /**
   * Reads the headers of all files.
   * @param quantization what config.json says of how weights are rounded
   * @throws BambaError `checkpoint_invalid` with the file and what is wrong with it.
   */
  static async open(source: ByteSource, signal?: AbortSignal, quantization: Quantization = {}): Promise<Checkpoint> {
    return new Checkpoint(source, await TensorFiles.open(source, signal), quantization);
  }

  /** All tensors by name. */
  get tensors(): ReadonlyMap<string, TensorInfo> {
    return this.#files.tensors;
  }

  /** Whether the weights of a tensor are of 16 levels in each group of 32: int4 can keep them. */
  hasLevels(name: string): boolean {
    const matrix = this.#packed.get(name);
    if (matrix)
      return matrix.bits === 4 && matrix.groupIndex === null && (matrix.columns / matrix.groups) % LEVEL_GROUP === 0;
    const tensor = this.tensors.get(name);
    // A block of columns that is no whole number of groups would mix them.
    if (tensor?.columns && tensor.columns.width % LEVEL_GROUP !== 0) return false;
    const stored = tensor?.parts?.map((part) => part.tensor.dtype) ?? [tensor?.dtype];
    return stored.every((dtype) => dtype !== undefined && OF_16_LEVELS.has(dtype));
  }

  /** Whether packed matrices were asked for. */
  get isPacked(): boolean {
    return this.#packed.size > 0;
  }

  /** Whether there is a tensor or a packed matrix of this name. */
  has(name: string): boolean {
    return this.tensors.has(name) || (this.#packing !== null && isPacked(name, this.tensors, this.#packing));
  }

  /**
   * A small file beside the tensors, such as `config.json`; null where there is none.
   * @param pieces keeps what has come of it; what is kept there is not read again
   */
  async readFile(file: string, signal?: AbortSignal, pieces?: PieceKeeper): Promise<Uint8Array | null> {
    return readText(this.#source, file, signal, pieces);
  }

  /**
   * Makes sure that the tensor is there, has this shape, and can be read as weights.
   * @throws BambaError `checkpoint_invalid`; `unsupported_model` for a dtype that is none of `READABLE`.
   */
  require(name: string, shape: readonly number[]): TensorInfo {
    if (this.#packing && isPacked(name, this.tensors, this.#packing)) {
      const matrix = packedMatrix(name, shape, this.tensors, this.#packing);
      this.#packed.set(name, matrix);
      return { ...matrix.words, name, shape: [...shape] };
    }
    const tensor = this.#files.get(name);
    if (tensor.shape.length !== shape.length || tensor.shape.some((size, i) => size !== shape[i])) {
      throw new BambaError(
        'checkpoint_invalid',
        `Tensor ${name} has shape [${tensor.shape.join(', ')}], but by config.json it is [${shape.join(', ')}]. ` +
          'The config and the weights belong to different models.',
      );
    }
    for (const stored of tensor.parts?.map((part) => part.tensor) ?? [tensor]) {
      requireEncoding(stored);
      requireColumns(stored);
      if (Object.hasOwn(SCALED, stored.dtype)) this.#scaleOf(stored);
    }
    return tensor;
  }

  /**
   * Rows [rowBegin, rowEnd) as f32, scales applied; all dimensions but the last count rows, and a vector has rows of one.
   * @param allocate gives the array that they are read into, whatever it holds
   * @throws BambaError `checkpoint_invalid`, `unsupported_model`, and what the source throws.
   */
  async readRows(
    name: string,
    rowBegin: number,
    rowEnd: number,
    signal?: AbortSignal,
    allocate: (length: number) => Float32Array = (length) => new Float32Array(length),
  ): Promise<Float32Array> {
    const matrix = this.#packed.get(name);
    if (matrix) {
      const piece = allocate((rowEnd - rowBegin) * matrix.columns);
      await this.#packedReader.fill(matrix, rowBegin, piece, signal);
      return piece;
    }
    const tensor = this.#files.get(name);
    const { columns, first, count } = rowRange(tensor, rowBegin, rowEnd);
    const out = allocate(count * columns);
    await this.#fill(tensor, first, out, signal);
    return out;
  }

  /** Fills `out` with rows of a tensor from row `first` on. */
  async #fill(tensor: TensorInfo, first: number, out: Float32Array, signal?: AbortSignal): Promise<void> {
    if (tensor.parts) await this.#fillFromParts(tensor, first, out, signal);
    else if (tensor.rotary) await this.#fillRotary(tensor, tensor.rotary, first, out, signal);
    else await this.#fillStored(tensor, first, out, signal);
  }

  async #fillFromParts(tensor: TensorInfo, first: number, out: Float32Array, signal?: AbortSignal): Promise<void> {
    const columns = rowWidth(tensor);
    const end = first + out.length / columns;
    let base = 0;
    for (const { tensor: part, rows } of tensor.parts ?? []) {
      const from = Math.max(first, base);
      const to = Math.min(end, base + rows[1] - rows[0]);
      if (from < to) {
        const piece = out.subarray((from - first) * columns, (to - first) * columns);
        await this.#fill(part, rows[0] + from - base, piece, signal);
      }
      base += rows[1] - rows[0];
    }
  }

  /** Reads the heads that the rows are of, as they are stored, and takes the rows out of them. */
  async #fillRotary(
    tensor: TensorInfo,
    rotary: RotaryRows,
    first: number,
    out: Float32Array,
    signal?: AbortSignal,
  ): Promise<void> {
    const columns = rowWidth(tensor);
    const count = out.length / columns;
    const { headDim } = rotary;
    const begin = Math.floor(first / headDim) * headDim;
    const stored = new Float32Array((Math.ceil((first + count) / headDim) * headDim - begin) * columns);
    await this.#fillStored(tensor, begin, stored, signal);
    for (let i = 0; i < count; i++) {
      const from = (storedRow(first + i, rotary) - begin) * columns;
      out.set(stored.subarray(from, from + columns), i * columns);
    }
  }

  /** Rows as they are stored, with scales and maps applied. */
  async #fillStored(tensor: TensorInfo, first: number, out: Float32Array, signal?: AbortSignal): Promise<void> {
    const { values, bytes: size, decode } = requireEncoding(tensor);
    const columns = rowWidth(tensor);
    const valuesAtOnce = Math.floor(READ_BYTES / size) * values;
    for (let done = 0; done < out.length; done += valuesAtOnce) {
      const piece = out.subarray(done, done + valuesAtOnce);
      const begin = tensor.begin + ((first * columns + done) / values) * size;
      const end = begin + (piece.length / values) * size;
      decode(await readExactly(this.#source, tensor.file, begin, end, signal, tensor.end), piece);
    }
    const layout = Object.hasOwn(SCALED, tensor.dtype) ? this.#scaleOf(tensor) : null;
    const zeros = layout && this.#zerosOf(tensor);
    if (layout && zeros) await this.#subtractZeros(out, { columns, first }, layout, zeros, signal);
    if (layout) applyScales(out, { columns, first }, layout, await this.#readScales(layout, signal));
    applyMap(tensor, out);
    if (tensor.columns) moveColumns(out, columns, tensor.columns);
  }

  /**
   * Rows of a tensor that a scheme of a package holds as they are stored. It is null for all others: those of another
   * dtype, with zero points, or with several scales in a row.
   * @throws BambaError `checkpoint_invalid`, `unsupported_model`, and what the source throws.
   */
  async readStoredRows(
    name: string,
    scheme: Scheme,
    rowBegin: number,
    rowEnd: number,
    signal?: AbortSignal,
  ): Promise<StoredRows | null> {
    if (this.#packed.has(name)) return null;
    const tensor = this.#files.get(name);
    const isHeld = Object.hasOwn(SCALED, tensor.dtype) && SCALED[tensor.dtype] === scheme;
    if (!isHeld || tensor.parts || tensor.rotary || tensor.columns || tensor.map) return null;
    const layout = this.#scaleOf(tensor);
    if (layout && (layout.across > 1 || this.#zerosOf(tensor))) return null;
    const { columns, first, count } = rowRange(tensor, rowBegin, rowEnd);
    const begin = tensor.begin + first * columns;
    const end = begin + count * columns;
    const bytes = await readExactly(this.#source, tensor.file, begin, end, signal, tensor.end);
    const all = layout && (await this.#readScales(layout, signal));
    const scales = new Float32Array(count);
    for (let i = 0; i < count; i++) {
      scales[i] = layout && all ? (all[Math.floor((first + i) / layout.block[0])] as number) : 1;
    }
    return { bytes, scales };
  }

  /** The zero points of a tensor of integers, as many as it has scales; null where it has none. */
  #zerosOf(tensor: TensorInfo): TensorInfo | null {
    return (tensor.dtype === 'I8' && this.tensors.get(`${tensor.name}_zero_point`)) || null;
  }

  async #subtractZeros(
    out: Float32Array,
    rows: { columns: number; first: number },
    layout: ScaleLayout,
    zeros: TensorInfo,
    signal?: AbortSignal,
  ): Promise<void> {
    if (zeros.dtype !== 'I8' || String(zeros.shape) !== String(layout.scale.shape)) {
      throw new BambaError(
        'checkpoint_invalid',
        `Tensor ${zeros.name} has type ${zeros.dtype} and shape [${zeros.shape.join(', ')}], but it has to be I8 of the shape ` +
          `of ${layout.scale.name}, [${layout.scale.shape.join(', ')}]. Fetch all files of one revision.`,
      );
    }
    const bytes = await readExactly(this.#source, zeros.file, zeros.begin, zeros.end, signal);
    const values = new Int8Array(bytes.buffer, bytes.byteOffset, bytes.length);
    forBlocks(out, rows, layout, (at, block) => {
      out[at] = (out[at] as number) - (values[block] as number);
    });
  }

  /** The places of an F8 tensor's scales; null where the checkpoint knows no scales. */
  #scaleOf(tensor: TensorInfo): ScaleLayout | null {
    const layout = scaleLayout(tensor, this.tensors, this.#blocks);
    if (layout) requireEncoding(layout.scale);
    if (layout || (!this.#scaled && tensor.dtype !== 'I8')) return layout;
    throw new BambaError(
      'checkpoint_invalid',
      `Tensor ${tensor.name} is ${tensor.dtype} but has no ${tensor.name}_scale.`,
    );
  }

  /** All scales of a tensor, flat: a shape of [], [1], [rows] or [rows, 1] is all the same. */
  async #readScales({ scale }: ScaleLayout, signal?: AbortSignal): Promise<Float32Array> {
    const kept = this.#scales.get(scale.name);
    if (kept) return kept;
    const bytes = await readExactly(this.#source, scale.file, scale.begin, scale.end, signal);
    const encoding = requireEncoding(scale);
    const values = new Float32Array((bytes.length / encoding.bytes) * encoding.values);
    encoding.decode(bytes, values);
    if (!values.every((value) => value >= 0 && value < Infinity)) {
      throw new BambaError('checkpoint_invalid', `Tensor ${scale.name} holds a scale that is negative or not finite.`);
    }
    if (this.#scales.size >= SCALES_KEPT) this.#scales.clear();
    this.#scales.set(scale.name, values);
    return values;
  }
}

function requireEncoding(tensor: TensorInfo): Encoding {
  const encoding = encodingOf(tensor.dtype);
  if (encoding) return encoding;
  throw new BambaError(
    'unsupported_model',
    `Tensor ${tensor.name} has dtype ${tensor.dtype.slice(0, 20)}; weights can be ${READABLE.join(', ')}. ` +
      'Use another version of the checkpoint.',
  );
}

/** Multiplies rows of a tensor by the scales of their blocks. */
function applyScales(
  values: Float32Array,
  rows: { columns: number; first: number },
  layout: ScaleLayout,
  scales: Float32Array,
): void {
  forBlocks(values, rows, layout, (at, block) => {
    values[at] = (values[at] as number) * (scales[block] as number);
  });
}

/** Calls `use` for each weight of rows from `first` on, with its place and the number of its block. */
function forBlocks(
  { length }: Float32Array,
  { columns, first }: { columns: number; first: number },
  { block: [blockRows, blockColumns], across }: ScaleLayout,
  use: (at: number, block: number) => void,
): void {
  for (let at = 0, row = first; at < length; at += columns, row++) {
    const begin = Math.floor(row / blockRows) * across;
    for (let column = 0; column < columns; column++) {
      use(at + column, begin + (across === 1 ? 0 : Math.floor(column / blockColumns)));
    }
  }
}

function rowRange(tensor: TensorInfo, rowBegin: number, rowEnd: number) {
  const columns = rowWidth(tensor);
  const leading = tensor.shape.length > 1 ? tensor.shape.slice(0, -1) : tensor.shape;
  const rows = leading.reduce((product, size) => product * size, 1);
  if (!(rowBegin >= 0 && rowBegin <= rowEnd && rowEnd <= rows)) {
    throw new RangeError(`Tensor ${tensor.name} has ${rows} rows, not [${rowBegin}, ${rowEnd}).`);
  }
  return { columns, first: rowBegin, count: rowEnd - rowBegin };
}
