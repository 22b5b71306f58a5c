import { BambaError } from '../../errors.ts';
import { type ByteSource, readExactly } from '../byte-source.ts';
import { encodingOf } from '../encodings.ts';
import type { TensorInfo } from '../types.ts';
import type { PackedMatrix } from './packed-tensors.ts';

/** Place of a row's number in a word of AWQ, of 8 rows. */
const AWQ_PLACES = [0, 4, 1, 5, 2, 6, 3, 7];
/** Tensors kept whole: those of one matrix, and of the one that takes turns with it. */
const KEPT = 8;
/** Words of a matrix that lie across its rows are kept whole, up to so many bytes. */
const MOST_WHOLE = 512 * 2 ** 20;

/** Reads rows of packed matrices. */
export class PackedReader {
  readonly #source: ByteSource;
  readonly #kept = new Map<string, Promise<Uint8Array>>();

  constructor(source: ByteSource) {
    this.#source = source;
  }

  /**
   * Fills `out` with rows of a matrix from row `first` on.
   * @throws BambaError `checkpoint_invalid` for a scale that is not finite, or a group that is not there; what the source
   * throws.
   */
  async fill(matrix: PackedMatrix, first: number, out: Float32Array, signal?: AbortSignal): Promise<void> {
    const { columns } = matrix;
    const count = out.length / columns;
    const numbers = await this.#numbers(matrix, first, count, signal);
    const scales = await this.#scales(matrix, signal);
    const zero = await this.#zeros(matrix, signal);
    const groupOf = await this.#groups(matrix, signal);
    for (let i = 0; i < count; i++) {
      const row = first + i;
      for (let column = 0; column < columns; column++) {
        const group = groupOf[column] as number;
        out[i * columns + column] = scales(row, group) * (numbers(i, column) - zero(row, group));
      }
    }
  }

  /** Numbers by row, from the first that is wanted on, and column. */
  async #numbers(
    { method, bits, rows, columns, words }: PackedMatrix,
    first: number,
    count: number,
    signal?: AbortSignal,
  ): Promise<(row: number, column: number) => number> {
    const mask = 2 ** bits - 1;
    const inWord = 32 / bits;
    if (method === 'compressed') {
      const width = Math.ceil(columns / inWord);
      const [begin, end] = [first, first + count].map((row) => words.begin + row * width * 4);
      const bytes = await readExactly(this.#source, words.file, begin!, end!, signal, words.end);
      const view = wordsOf(bytes);
      return (row, column) => (view[row * width + Math.floor(column / inWord)]! >>> ((column % inWord) * bits)) & mask;
    }
    const view = wordsOf(await this.#whole(words, signal));
    if (method === 'gptq') {
      return (i, column) =>
        (view[Math.floor(column / inWord) * rows + first + i]! >>> ((column % inWord) * bits)) & mask;
    }
    const width = rows / inWord;
    return (i, column) => {
      const row = first + i;
      return (view[column * width + Math.floor(row / inWord)]! >>> (AWQ_PLACES[row % inWord]! * bits)) & mask;
    };
  }

  async #scales(
    { method, scales, rows, groups }: PackedMatrix,
    signal?: AbortSignal,
  ): Promise<(row: number, group: number) => number> {
    const encoding = encodingOf(scales.dtype);
    if (!encoding) throw invalid(scales, `has type ${scales.dtype}; scales can be F32, F16 or BF16`);
    const values = new Float32Array(rows * groups);
    encoding.decode(await this.#whole(scales, signal), values);
    if (!values.every(Number.isFinite)) throw invalid(scales, 'holds a scale that is not finite');
    return method === 'compressed'
      ? (row, group) => values[row * groups + group]!
      : (row, group) => values[group * rows + row]!;
  }

  /** Zero points by row and group, of the numbers as they are packed. */
  async #zeros(
    { method, bits, rows, groups, zeros, zeroOffset }: PackedMatrix,
    signal?: AbortSignal,
  ): Promise<(row: number, group: number) => number> {
    const middle = 2 ** (bits - 1);
    if (!zeros) return () => middle;
    const mask = 2 ** bits - 1;
    const inWord = 32 / bits;
    const view = wordsOf(await this.#whole(zeros, signal));
    // Zero points of compressed-tensors are packed with what the numbers are packed with, which cancels out.
    if (method === 'compressed') {
      return (row, group) => (view[Math.floor(row / inWord) * groups + group]! >>> ((row % inWord) * bits)) & mask;
    }
    const width = Math.ceil(rows / inWord);
    const place = (row: number) => (method === 'awq' ? AWQ_PLACES[row % inWord]! : row % inWord);
    return (row, group) =>
      ((view[group * width + Math.floor(row / inWord)]! >>> (place(row) * bits)) & mask) +
      (method === 'gptq' ? zeroOffset : 0);
  }

  /** Group of each column. */
  async #groups({ groupIndex, groups, columns }: PackedMatrix, signal?: AbortSignal): Promise<ArrayLike<number>> {
    if (!groupIndex) return Array.from({ length: columns }, (_, column) => Math.floor((column * groups) / columns));
    const view = wordsOf(await this.#whole(groupIndex, signal));
    if (view.every((group) => group < groups)) return view;
    throw invalid(groupIndex, `names a group that is not among the ${groups} that have scales`);
  }

  #whole(tensor: TensorInfo, signal?: AbortSignal): Promise<Uint8Array> {
    const { name, file, begin, end } = tensor;
    if (end - begin > MOST_WHOLE) throw invalid(tensor, `has ${end - begin} bytes, more than can be kept at once`);
    let kept = this.#kept.get(name);
    if (!kept) {
      if (this.#kept.size >= KEPT) this.#kept.delete(this.#kept.keys().next().value as string);
      kept = readExactly(this.#source, file, begin, end, signal);
      kept.catch(() => this.#kept.delete(name));
      this.#kept.set(name, kept);
    }
    return kept;
  }
}

function wordsOf(bytes: Uint8Array): Uint32Array {
  const aligned = bytes.byteOffset % 4 === 0 ? bytes : bytes.slice();
  return new Uint32Array(aligned.buffer, aligned.byteOffset, aligned.length / 4);
}

function invalid({ name }: TensorInfo, problem: string): BambaError {
  return new BambaError('checkpoint_invalid', `Tensor ${name} ${problem}. The checkpoint is damaged: fetch it again.`);
}
