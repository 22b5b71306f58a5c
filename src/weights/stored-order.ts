import { BambaError } from '../errors.ts';
import type { ColumnBlocks, RotaryRows, TensorInfo } from './types.ts';

// Tensors that are stored in another way than they are read: the order of rows in heads and of columns in rows, and
// values.

/** Columns of a tensor's rows; a vector has rows of one. */
export function rowWidth({ shape }: TensorInfo): number {
  return shape.length > 1 ? (shape.at(-1) as number) : 1;
}

/** The place where a row is stored. */
export function storedRow(row: number, { headDim, dims }: RotaryRows): number {
  const within = row % headDim;
  const half = dims / 2;
  return within < dims ? row - within + 2 * (within % half) + Math.floor(within / half) : row;
}

/**
 * Makes sure that blocks of columns are all columns.
 * @throws BambaError `checkpoint_invalid`.
 */
export function requireColumns(tensor: TensorInfo): void {
  const { columns } = tensor;
  if (!columns || columns.width * columns.from.length === rowWidth(tensor)) return;
  throw new BambaError(
    'checkpoint_invalid',
    `Tensor ${tensor.name} has rows of ${rowWidth(tensor)}, not of ${columns.from.length} times ${columns.width}. ` +
      'The config and the weights belong to different models.',
  );
}

/** Puts blocks of columns into their order, row by row. */
export function moveColumns(values: Float32Array, columns: number, { width, from }: ColumnBlocks): void {
  const stored = new Float32Array(columns);
  for (let row = 0; row < values.length; row += columns) {
    stored.set(values.subarray(row, row + columns));
    for (const [to, block] of from.entries()) {
      values.set(stored.subarray(block * width, (block + 1) * width), row + to * width);
    }
  }
}

/** Applies what turns stored values into those that are read. */
export function applyMap({ map }: TensorInfo, values: Float32Array): void {
  if (map === 'minus_one') for (let i = 0; i < values.length; i++) values[i] = (values[i] as number) - 1;
  if (map === 'log_negate') for (let i = 0; i < values.length; i++) values[i] = Math.log(-(values[i] as number));
}
