import { nextPowerOfTwo } from './grid.ts';

/** The dimensions of an attention mixer that its kernels need. */
export interface AttentionDims {
  heads: number;
  /** J */
  kvHeads: number;
  headDim: number;
  /** Multiplies the scores. */
  scale: number;
  /** Rotated dimensions of a head, 0 for none. */
  ropeDims: number;
}

export const ATTENTION_WORKGROUP = 128;
/** Parts that decode may cut the keys into. */
export const ATTENTION_SPLITS = 16;

/** Keys of a tile, as in shaders/lib/attention.wgsl. */
const KEYS = 32;
/** f32 of workgroup memory that every device has. */
const WORKGROUP_FLOATS = 16_384 / 4;

/**
 * Rows of a workgroup, a power of two: `wanted` if possible, but no more than workgroup memory holds queries and scores
 * of, and so few that an invocation's share of a row's output is at most the 8 vec4f that lib/attention.wgsl keeps.
 */
export function attentionRows(dims: AttentionDims, wanted: number): number {
  const most = Math.min(ATTENTION_WORKGROUP / Math.ceil(dims.headDim / 32), WORKGROUP_FLOATS / (dims.headDim + KEYS));
  return Math.min(nextPowerOfTwo(wanted), 2 ** Math.floor(Math.log2(most)));
}
