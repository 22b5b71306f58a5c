import { BambaError } from '../../errors.ts';
import type { TensorInfo } from '../types.ts';

// Matrices of small integers, several in a word of 32 bits, as three tools write them. A matrix `X.weight` (rows, columns)
// is then some tensors beside each other; of P numbers of B bits in a word:
//
//   compressed-tensors   X.weight_packed      (rows, columns / P)    number i of a word in its bits from B·i on, plus 2^(B-1)
//                        X.weight_scale       (rows, groups)
//                        X.weight_zero_point  (rows / P, groups)     packed along the rows; absent where it is 0
//                        X.weight_g_idx       (columns)              group of each column, where they are not in order
//   GPTQ                 X.qweight            (columns / P, rows)
//                        X.qzeros             (groups, rows / P)     one less than the zero points, before version 2
//                        X.scales             (groups, rows)
//                        X.g_idx              (columns)
//   AWQ                  X.qweight            (columns, rows / P)    numbers of a word in the order 0 2 4 6 1 3 5 7
//                        X.qzeros             (groups, rows / P)     likewise
//                        X.scales             (groups, rows)
//
// weight = scale of its group · (number - zero point of its group)

/** Which tool wrote a packed matrix. */
export type PackingMethod = 'compressed' | 'gptq' | 'awq';

/** How matrices are packed, by config.json. */
export interface Packing {
  method: PackingMethod;
  /** Bits of a number, the first that fits a matrix. */
  bits: readonly number[];
  /** The number by which GPTQ's stored zero points are too small. */
  zeroOffset: number;
}

/** A packed matrix: the tensors that it is made of. */
export interface PackedMatrix {
  method: PackingMethod;
  bits: number;
  rows: number;
  columns: number;
  words: TensorInfo;
  scales: TensorInfo;
  zeros: TensorInfo | null;
  groupIndex: TensorInfo | null;
  groups: number;
  zeroOffset: number;
}

const WORDS: Readonly<Record<PackingMethod, string>> = {
  compressed: 'weight_packed',
  gptq: 'qweight',
  awq: 'qweight',
};

/** Name of the tensor that holds the words of `X.weight`. */
function wordsName(name: string, { method }: Packing): string {
  return name.replace(/weight$/, WORDS[method]);
}

/** Whether a matrix of this name is packed. */
export function isPacked(name: string, tensors: ReadonlyMap<string, TensorInfo>, packing: Packing): boolean {
  return name.endsWith('.weight') && !tensors.has(name) && tensors.has(wordsName(name, packing));
}

/**
 * The matrix `name` of this shape, its tensors checked.
 * @throws BambaError `checkpoint_invalid` with the tensor that is missing, or has another shape or type.
 */
export function packedMatrix(
  name: string,
  shape: readonly number[],
  tensors: ReadonlyMap<string, TensorInfo>,
  packing: Packing,
): PackedMatrix {
  const { method, zeroOffset } = packing;
  const words = tensors.get(wordsName(name, packing)) as TensorInfo;
  const [rows = 0, columns = 0] = shape;
  if (shape.length !== 2) throw invalid(words, `holds packed numbers, but by config.json ${name} is no matrix`);
  const isWords = words.dtype === 'I32' && words.shape.length === 2;
  if (!isWords) throw invalid(words, `has type ${words.dtype} and shape [${words.shape.join(', ')}], not rows of I32`);
  const bits = packing.bits.find((count) => String(wordShape(method, rows, columns, count)) === String(words.shape));
  if (bits === undefined) {
    const wanted = wordShape(method, rows, columns, packing.bits[0] as number).join(', ');
    throw invalid(words, `has shape [${words.shape.join(', ')}], but by config.json it is [${wanted}]`);
  }
  const beside = (suffix: string) => tensors.get(words.name.replace(WORDS[method], suffix));
  const isCompressed = method === 'compressed';
  const scales = beside(isCompressed ? 'weight_scale' : 'scales');
  if (!scales) throw invalid(words, 'has no scales beside it');
  const zeros = beside(isCompressed ? 'weight_zero_point' : 'qzeros') ?? null;
  const groupIndex = beside(isCompressed ? 'weight_g_idx' : 'g_idx') ?? null;
  const flat = isCompressed && scales.shape.length === 1 ? [...scales.shape, 1] : scales.shape;
  const groups = (isCompressed ? flat[1] : flat[0]) ?? 0;
  const wanted = isCompressed ? [rows, groups] : [groups, rows];
  const isFlat = String(flat) === String(wanted);
  if (!isFlat || groups < 1 || (!groupIndex && columns % groups !== 0)) {
    const demand = isCompressed ? `[${rows}, groups]` : `[groups, ${rows}]`;
    throw invalid(
      scales,
      `has shape [${scales.shape.join(', ')}], but it has to be ${demand}, groups a divisor of ${columns}`,
    );
  }
  if (!isCompressed && !zeros) throw invalid(words, 'has no zero points beside it');
  if (zeros) checkZeros(zeros, { rows, groups, bits, isCompressed });
  if (groupIndex && (groupIndex.dtype !== 'I32' || String(groupIndex.shape) !== String([columns]))) {
    throw invalid(groupIndex, `has to have a number of type I32 for each of the ${columns} columns`);
  }
  return { method, bits, rows, columns, words, scales, zeros, groupIndex, groups, zeroOffset };
}

function wordShape(method: PackingMethod, rows: number, columns: number, bits: number): [number, number] {
  const inWord = 32 / bits;
  if (method === 'compressed') return [rows, Math.ceil(columns / inWord)];
  return method === 'gptq' ? [columns / inWord, rows] : [columns, rows / inWord];
}

function checkZeros(
  zeros: TensorInfo,
  { rows, groups, bits, isCompressed }: { rows: number; groups: number; bits: number; isCompressed: boolean },
): void {
  const packed = Math.ceil((rows * bits) / 32);
  const wanted = isCompressed ? [packed, groups] : [groups, packed];
  if (zeros.dtype === 'I32' && String(zeros.shape) === String(wanted)) return;
  const found = `type ${zeros.dtype} and shape [${zeros.shape.join(', ')}]`;
  throw invalid(zeros, `has ${found}, but it has to be I32 of [${wanted.join(', ')}]`);
}

function invalid({ name }: TensorInfo, problem: string): BambaError {
  return new BambaError(
    'checkpoint_invalid',
    `Tensor ${name} ${problem}. The config and the weights belong to different models: fetch all files of one revision.`,
  );
}
