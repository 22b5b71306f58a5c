import { BambaError } from '../errors.ts';
import { type ByteSource, readExactly } from './byte-source.ts';
import { decodeBf16Array, decodeF16Array, decodeF8Array } from './half.ts';
import { type PieceKeeper, readInPieces } from './pieces.ts';
import { parseIndex, readHeader, type TensorInfo } from './safetensors.ts';

const SINGLE_FILE = 'model.safetensors';
const INDEX_FILE = 'model.safetensors.index.json';

/** Raw bytes read at once. */
const READ_BYTES = 4 * 2 ** 20;
/** Config, tokenizer and index files: anything larger is not one. */
const MAX_TEXT_FILE = 64 * 2 ** 20;
/** Scale tensors kept decoded: those of one stacked tensor's sources, and some more. */
const SCALES_KEPT = 8;

const ELEMENT_BYTES: Readonly<Record<string, number>> = { F32: 4, BF16: 2, F16: 2, F8_E4M3: 1 };

/** Rows of an F8_E4M3 tensor as they are stored, each with its scale: weight = value of the byte * scale. */
export interface Fp8Rows {
  /** (rows, columns) E4M3FN. */
  bytes: Uint8Array;
  /** (rows) */
  scales: Float32Array;
}

/**
 * A checkpoint in Hugging Face's layout: safetensors in one file or several with an index, and text files beside them.
 * All headers are read and checked on opening; tensors are read by rows, as much at a time as the caller asks for.
 * Tensors of compressed-tensors' float-quantized format (`X.weight` in F8_E4M3 beside `X.weight_scale`, one for the
 * tensor or one for each row) read as what they stand for.
 *
 * ```ts
 * const checkpoint = await Checkpoint.open(source);
 * const rows = await checkpoint.readRows('model.embed_tokens.weight', 0, 100); // (100, C)
 * ```
 */
export class Checkpoint {
  readonly #source: ByteSource;
  readonly #tensors: ReadonlyMap<string, TensorInfo>;
  /** Whether F8 tensors come with scales here; one without is then an error rather than a tensor of scale 1. */
  readonly #scaled: boolean;
  readonly #scales = new Map<string, Float32Array>();

  private constructor(source: ByteSource, tensors: ReadonlyMap<string, TensorInfo>) {
    this.#source = source;
    this.#tensors = tensors;
    this.#scaled = [...tensors.keys()].some((name) => name.endsWith('.weight_scale'));
  }

  /**
   * Reads the headers of all files.
   * @throws BambaError `checkpoint_invalid` with the file and what is wrong with it.
   */
  static async open(source: ByteSource, signal?: AbortSignal): Promise<Checkpoint> {
    const indexSize = await source.size(INDEX_FILE, signal);
    if (indexSize !== null) return new Checkpoint(source, await readIndexed(source, signal));
    if ((await source.size(SINGLE_FILE, signal)) === null) {
      throw new BambaError(
        'checkpoint_invalid',
        `There is neither ${SINGLE_FILE} nor ${INDEX_FILE}. Name a folder with a checkpoint in safetensors format.`,
      );
    }
    const tensors = await readHeader(source, SINGLE_FILE, signal);
    return new Checkpoint(source, new Map(tensors.map((tensor) => [tensor.name, tensor])));
  }

  /** All tensors by name. */
  get tensors(): ReadonlyMap<string, TensorInfo> {
    return this.#tensors;
  }

  /**
   * A small file beside the tensors, such as `config.json`; null where there is none.
   * @param pieces keeps what has come of it; what is kept there is not read again
   */
  async readFile(file: string, signal?: AbortSignal, pieces?: PieceKeeper): Promise<Uint8Array | null> {
    return readWhole(this.#source, file, signal, pieces);
  }

  /**
   * Makes sure that the tensor is there, has this shape, and can be read as weights.
   * @throws BambaError `checkpoint_invalid`; `unsupported_model` for a dtype that is none of F32, BF16, F16, F8_E4M3.
   */
  require(name: string, shape: readonly number[]): TensorInfo {
    const tensor = this.#tensor(name);
    if (tensor.shape.length !== shape.length || tensor.shape.some((size, i) => size !== shape[i])) {
      throw new BambaError(
        'checkpoint_invalid',
        `Tensor ${name} has shape [${tensor.shape.join(', ')}], but by config.json it is [${shape.join(', ')}]. ` +
          'The config and the weights belong to different models.',
      );
    }
    elementBytes(tensor);
    if (tensor.dtype === 'F8_E4M3') this.#scaleOf(tensor);
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
    const tensor = this.#tensor(name);
    const size = elementBytes(tensor);
    const { columns, first, count } = rowRange(tensor, rowBegin, rowEnd);
    const out = allocate(count * columns);
    const elementsAtOnce = Math.floor(READ_BYTES / size);
    for (let done = 0; done < out.length; done += elementsAtOnce) {
      const piece = out.subarray(done, done + elementsAtOnce);
      const begin = tensor.begin + (first * columns + done) * size;
      const end = begin + piece.length * size;
      const bytes = await readExactly(this.#source, tensor.file, begin, end, signal, tensor.end);
      decode(tensor.dtype, bytes, piece);
    }
    const scales = tensor.dtype === 'F8_E4M3' ? await this.#readScales(tensor, signal) : null;
    if (scales) {
      for (let i = 0; i < out.length; i++) {
        const row = first + Math.floor(i / columns);
        out[i] = (out[i] as number) * (scales[scales.length === 1 ? 0 : row] as number);
      }
    }
    return out;
  }

  /**
   * Rows of a tensor stored in F8_E4M3, unchanged; null for a tensor of another dtype.
   * @throws BambaError `checkpoint_invalid`, `unsupported_model`, and what the source throws.
   */
  async readFp8Rows(name: string, rowBegin: number, rowEnd: number, signal?: AbortSignal): Promise<Fp8Rows | null> {
    const tensor = this.#tensor(name);
    if (tensor.dtype !== 'F8_E4M3') return null;
    const { columns, first, count } = rowRange(tensor, rowBegin, rowEnd);
    const begin = tensor.begin + first * columns;
    const end = begin + count * columns;
    const bytes = await readExactly(this.#source, tensor.file, begin, end, signal, tensor.end);
    const all = await this.#readScales(tensor, signal);
    const scales = new Float32Array(count);
    for (let i = 0; i < count; i++) scales[i] = all ? (all[all.length === 1 ? 0 : first + i] as number) : 1;
    return { bytes, scales };
  }

  #tensor(name: string): TensorInfo {
    const tensor = this.#tensors.get(name);
    if (tensor) return tensor;
    throw new BambaError(
      'checkpoint_invalid',
      `The checkpoint has no tensor ${name}. It is incomplete, or of another architecture than its config.json says.`,
    );
  }

  /** The scale tensor of an F8 tensor, its shape checked; null where the checkpoint knows no scales. */
  #scaleOf(tensor: TensorInfo): TensorInfo | null {
    const scale = this.#tensors.get(`${tensor.name}_scale`);
    if (!scale) {
      if (!this.#scaled) return null;
      throw new BambaError('checkpoint_invalid', `Tensor ${tensor.name} is F8_E4M3 but has no ${tensor.name}_scale.`);
    }
    elementBytes(scale);
    const elements = scale.shape.reduce((product, size) => product * size, 1);
    const perRow = scale.shape[0] === tensor.shape[0] && elements === tensor.shape[0];
    if (elements !== 1 && !perRow) {
      throw new BambaError(
        'unsupported_model',
        `Tensor ${scale.name} has shape [${scale.shape.join(', ')}]; scales for a whole tensor or for each row are ` +
          'supported. Use a checkpoint without block scales.',
      );
    }
    return scale;
  }

  async #readScales(tensor: TensorInfo, signal?: AbortSignal): Promise<Float32Array | null> {
    const scale = this.#scaleOf(tensor);
    if (!scale) return null;
    const kept = this.#scales.get(scale.name);
    if (kept) return kept;
    // A scale may have the shape [], [1], [rows] or [rows, 1]; read flat it is all the same.
    const bytes = await readExactly(this.#source, scale.file, scale.begin, scale.end, signal);
    const values = new Float32Array(bytes.length / elementBytes(scale));
    decode(scale.dtype, bytes, values);
    if (!values.every((value) => value >= 0 && value < Infinity)) {
      throw new BambaError('checkpoint_invalid', `Tensor ${scale.name} holds a scale that is negative or not finite.`);
    }
    if (this.#scales.size >= SCALES_KEPT) this.#scales.clear();
    this.#scales.set(scale.name, values);
    return values;
  }
}

async function readIndexed(source: ByteSource, signal?: AbortSignal): Promise<Map<string, TensorInfo>> {
  const index = parseIndex((await readWhole(source, INDEX_FILE, signal)) ?? new Uint8Array());
  const tensors = new Map<string, TensorInfo>();
  for (const file of new Set(index.values())) {
    for (const tensor of await readHeader(source, file, signal)) {
      const other = tensors.get(tensor.name);
      if (other) {
        throw new BambaError('checkpoint_invalid', `Tensor ${tensor.name} is both in ${other.file} and in ${file}.`);
      }
      tensors.set(tensor.name, tensor);
    }
  }
  for (const [name, file] of index) {
    if (tensors.get(name)?.file !== file) {
      throw new BambaError(
        'checkpoint_invalid',
        `${INDEX_FILE} puts tensor ${name} into ${file}, but it is not there. Fetch all files of one revision.`,
      );
    }
  }
  return tensors;
}

async function readWhole(
  source: ByteSource,
  file: string,
  signal?: AbortSignal,
  pieces?: PieceKeeper,
): Promise<Uint8Array | null> {
  const size = await source.size(file, signal);
  if (size === null) return null;
  if (size > MAX_TEXT_FILE) {
    throw new BambaError(
      'checkpoint_invalid',
      `${file} has ${size} bytes; at most ${MAX_TEXT_FILE} are accepted for such a file.`,
    );
  }
  if (!pieces) return readExactly(source, file, 0, size, signal);
  const bytes = new Uint8Array(size);
  await readInPieces(bytes, (begin, end) => readExactly(source, file, begin, end, signal, size), pieces);
  return bytes;
}

function elementBytes(tensor: TensorInfo): number {
  const size = Object.hasOwn(ELEMENT_BYTES, tensor.dtype) ? ELEMENT_BYTES[tensor.dtype] : undefined;
  if (size !== undefined) return size;
  throw new BambaError(
    'unsupported_model',
    `Tensor ${tensor.name} has dtype ${tensor.dtype.slice(0, 20)}; weights can be F32, BF16, F16 or F8_E4M3. ` +
      'Use another version of the checkpoint.',
  );
}

function rowRange(tensor: TensorInfo, rowBegin: number, rowEnd: number) {
  const columns = tensor.shape.length > 1 ? (tensor.shape.at(-1) as number) : 1;
  const leading = tensor.shape.length > 1 ? tensor.shape.slice(0, -1) : tensor.shape;
  const rows = leading.reduce((product, size) => product * size, 1);
  if (!(rowBegin >= 0 && rowBegin <= rowEnd && rowEnd <= rows)) {
    throw new RangeError(`Tensor ${tensor.name} has ${rows} rows, not [${rowBegin}, ${rowEnd}).`);
  }
  return { columns, first: rowBegin, count: rowEnd - rowBegin };
}

function decode(dtype: string, bytes: Uint8Array, out: Float32Array): void {
  // A view of wider elements must begin at a multiple of their size.
  const aligned = bytes.byteOffset % 4 === 0 ? bytes : bytes.slice();
  const { buffer, byteOffset } = aligned;
  if (dtype === 'F32') out.set(new Float32Array(buffer, byteOffset, out.length));
  else if (dtype === 'BF16') decodeBf16Array(new Uint16Array(buffer, byteOffset, out.length), out);
  else if (dtype === 'F16') decodeF16Array(new Uint16Array(buffer, byteOffset, out.length), out);
  else decodeF8Array(aligned, out);
}
