import type { KvCache } from './kv-cache.ts';

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
  /** Latest keys that a query sees, its own among them; all where it is absent. */
  window?: number;
  /** Scores s become cap * tanh(s / cap); as they are where it is absent. */
  scoreCap?: number;
}

/** What kernels of attention are told of its scores. */
export function scoreConstants(
  { ring = 0 }: Pick<KvCache, 'ring'>,
  { window = 0, scoreCap = 0 }: AttentionDims,
): { WINDOW: number; RING: number; CAP: number } {
  return { WINDOW: window, RING: ring, CAP: scoreCap };
}

/** Parts that decode may cut the keys into. */
export const ATTENTION_SPLITS = 16;

/** Tokens of which decode's splits are, at most: of a window, it sees no more keys than that has. */
export function mergedTokens({ segments }: Pick<KvCache, 'segments'>, { window }: AttentionDims): number {
  return window ?? segments[0]!.tokens;
}
