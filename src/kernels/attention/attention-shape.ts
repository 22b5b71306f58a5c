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

/** Parts that decode may cut the keys into. */
export const ATTENTION_SPLITS = 16;
