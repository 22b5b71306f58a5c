import { BambaError } from '../errors.ts';
import type { TensorInfo } from './types.ts';

// Scales of F8_E4M3 tensors. Tools describe the same tensors in many ways; the tensors in the files count. `X.weight`
// has its scales in `X.weight_scale` (compressed-tensors, ModelOpt) or `X.weight_scale_inv` (DeepSeek). Both multiply,
// whatever the second name says. There is one scale for the tensor, for each row, or for each block of rows and
// columns.

/** Rows and columns of a block. */
export type BlockSize = readonly [rows: number, columns: number];

/** How the scales of a tensor lie over it. */
export interface ScaleLayout {
  scale: TensorInfo;
  block: BlockSize;
  /** Scales side by side. */
  across: number;
}

const SUFFIXES = ['_scale', '_scale_inv'];

/** Whether a tensor of this name holds scales of another. */
export function isScale(name: string): boolean {
  return SUFFIXES.some((suffix) => name.endsWith(`.weight${suffix}`));
}

/**
 * The scales of an F8 tensor; null where there are none.
 * @param stated size of a block by config.json; null where that says nothing
 * @throws BambaError `unsupported_model` for scales whose shape fits no blocks, or others than `stated`.
 */
export function scaleLayout(
  tensor: TensorInfo,
  tensors: ReadonlyMap<string, TensorInfo>,
  stated: BlockSize | null,
): ScaleLayout | null {
  const scale = SUFFIXES.map((suffix) => tensors.get(`${tensor.name}${suffix}`)).find((found) => found !== undefined);
  if (!scale) return null;
  const isMatrix = tensor.shape.length > 1;
  const columns = isMatrix ? (tensor.shape.at(-1) as number) : 1;
  const rows = product(isMatrix ? tensor.shape.slice(0, -1) : tensor.shape);
  const elements = product(scale.shape);
  // Flat scales are of rows; those of experts are of all rows of one.
  const isGrid = scale.shape.length > 1;
  const across = isGrid ? (scale.shape.at(-1) as number) : 1;
  const down = elements / across;
  if (stated) {
    const fits = isGrid && down === Math.ceil(rows / stated[0]) && across === Math.ceil(columns / stated[1]);
    if (fits) return { scale, block: stated, across };
    throw unfit(scale, `config.json has one scale for each block of ${stated.join(' by ')} weights`);
  }
  const isPlain = tensor.shape.length === 2 && isGrid;
  const block: BlockSize = [blockLength(rows, down, isPlain), blockLength(columns, across, isPlain)];
  const isKnown = isGrid || down === 1 || down === rows || down === tensor.shape[0];
  const fits = isKnown && Math.ceil(rows / block[0]) === down && Math.ceil(columns / block[1]) === across;
  if (fits) return { scale, block, across };
  throw unfit(scale, 'scales for a whole tensor, for each row or for each block are supported');
}

/**
 * Length of blocks of which `count` reach `length`; NaN where none do. Where the last may be shorter, it is a power of two,
 * as tools take it, and of those there is one at most.
 */
function blockLength(length: number, count: number, mayBeShort: boolean): number {
  const power = 2 ** Math.ceil(Math.log2(length / count));
  if (mayBeShort && count > 1 && Math.ceil(length / power) === count) return power;
  return length % count === 0 ? length / count : NaN;
}

function product(shape: readonly number[]): number {
  return shape.reduce((total, size) => total * size, 1);
}

function unfit(scale: TensorInfo, demand: string): BambaError {
  return new BambaError(
    'unsupported_model',
    `Tensor ${scale.name} has shape [${scale.shape.join(', ')}], but ${demand}. Use another version of the checkpoint.`,
  );
}
