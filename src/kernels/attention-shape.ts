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
/** Parts that decode cuts the keys into. */
export const ATTENTION_SPLITS = 8;

/**
 * Rows that a workgroup serves: at least `wanted`, and so many that each invocation's share of a row's output is at
 * least one vec4f and at most the 8 that lib/attention.wgsl keeps.
 */
export function attentionRows(dims: AttentionDims, wanted: number): number {
  return Math.min(nextPowerOfTwo(wanted), ATTENTION_WORKGROUP / Math.ceil(dims.headDim / 32));
}
