/** The dimensions of a Mamba-1 mixer that its kernels need; letters as in src/model/GLOSSARY.md. */
export interface Mamba1Dims {
  /** I */
  inner: number;
  /** N */
  stateSize: number;
  /** Width of delta of a head, from which the step sizes of its channels are made. */
  dtRank: number;
  /** Ranges of channels, each with a delta, b and c of its own. */
  heads: number;
}

/** The norms of delta, b and c: none, one of each, or one of each with a weight. */
export type Mamba1Norm = 'none' | 'plain' | 'weighted';

/** Norms by the numbers that shaders know them by. */
export const NORM_NUMBERS: Readonly<Record<Mamba1Norm, number>> = { none: 0, plain: 1, weighted: 2 };

/**
 * Widths of all heads' deltas, each filled up to fours; of all heads' b; and of x_proj's output. That has the deltas,
 * then b, then c of all heads.
 */
export function mamba1Widths({ stateSize, dtRank, heads }: Omit<Mamba1Dims, 'inner'>) {
  const deltas = heads * 4 * Math.ceil(dtRank / 4);
  const states = heads * stateSize;
  return { deltas, states, selected: deltas + 2 * states };
}
