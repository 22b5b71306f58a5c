/**
 * How a matrix is stored on the GPU and in packages: numbers of 32 or 16 bits, or of 8 or 4 with scales. Vectors are
 * always f32.
 */
export type Scheme = 'f32' | 'f16' | 'int8' | 'fp8' | 'int4';

/**
 * Rows of a tensor of the checkpoint: all dimensions but the last count rows, and a vector's elements are rows of one.
 */
export interface TensorSource {
  name: string;
  /** Other names that checkpoints have for it. */
  aliases?: readonly string[];
  /** The shape that it must have. */
  shape: readonly number[];
  /** Which of its rows are taken; all where it is not given. */
  rows?: readonly [begin: number, end: number];
  /** The step between rows that are taken, from the first on; 1 where it is not given. */
  every?: number;
  /** Whether its elements count as rows of one, whatever its shape. */
  flat?: true;
  /**
   * The place of its columns in wider rows, which are zero elsewhere, and the width of these. Without it, a row is its
   * columns.
   */
  columns?: readonly [at: number, of: number];
  /** Multiplies every element, in f32, before anything is rounded: constants of a model are folded into its weights. */
  factor?: number;
}

/** A function of an element. */
export type TensorMap = 'negate_exp' | 'add_one';

/** By name. */
export const TENSOR_MAPS: Readonly<Record<TensorMap, (value: number) => number>> = {
  negate_exp: (value) => -Math.exp(value),
  add_one: (value) => value + 1,
};

/**
 * One tensor of ours, and what it is made of: the contract between a family's checkpoint names (src/model/families)
 * and everything that reads checkpoints.
 */
export interface TensorSpec {
  /** Our name, such as `blocks.3.mamba2.in_proj`. */
  name: string;
  /** (rows, columns) of a matrix, (length) or (rows, columns) of a vector-like tensor. */
  shape: readonly number[];
  /** Matrices take the package's scheme; the rest stays f32. */
  kind: 'matrix' | 'plain';
  /** A row for each token of the vocabulary: where the package is int4, such a matrix is int8. */
  vocabulary?: true;
  /** The tensors that it is made of. An empty list stands for a tensor of zeros. */
  sources: readonly TensorSource[];
  /** How rows of several sources follow each other: one source after the other, or of every two row by row in turn. */
  arrange: 'stack' | 'interleave';
  /**
   * Applied to every element, in f64; plain tensors only. `negate_exp` turns A_log into A, `add_one` what a norm's weight
   * is beyond 1 into the weight.
   */
  map?: TensorMap;
}

/** The place of a tensor in the package's byte stream (all shards, one after the other). */
export interface TensorEntry {
  name: string;
  shape: number[];
  scheme: Scheme;
  /** First byte in the stream, a multiple of 256. */
  offset: number;
  /** As `tensorBytes(scheme, shape)` says. */
  bytes: number;
}

/** One tensor of a checkpoint: checked to lie inside its file and to be as long as its shape says, if its dtype is known. */
export interface TensorInfo {
  name: string;
  file: string;
  /** As the file spells it; reading one that is not among `READABLE` is an error. */
  dtype: string;
  shape: number[];
  /** Bytes [begin, end) of the file, not of its data part. In a tensor of parts, 0 and the bytes of all parts. */
  begin: number;
  end: number;
  /** The parts, one after the other, of a tensor that is made of rows of other tensors. */
  parts?: readonly TensorPart[];
  /** Given where the rows of each head are stored in another order, see `RotaryRows`. */
  rotary?: RotaryRows;
  /** Given where blocks of its columns are stored in another order. */
  columns?: ColumnBlocks;
  /** The function that is applied to stored values, in f64: A into A_log, or weights around 1 into weights around 0. */
  map?: 'log_negate' | 'minus_one';
}

/** Rows [begin, end) of a stored tensor. */
export interface TensorPart {
  tensor: TensorInfo;
  rows: readonly [begin: number, end: number];
}

/**
 * Heads of `headDim` rows. Two of their first `dims` rows that turn with each other are stored side by side, and read
 * half of `dims` apart.
 */
export interface RotaryRows {
  headDim: number;
  dims: number;
}

/** Blocks of `width` columns, of which the one that is read at i is stored at `from[i]`. */
export interface ColumnBlocks {
  width: number;
  from: readonly number[];
}
