/** The dimensions of a Mamba-2 mixer that its kernels need; letters as in src/model/GLOSSARY.md. */
export interface Mamba2Dims {
  /** H */
  heads: number;
  /** P */
  headDim: number;
  /** N */
  stateSize: number;
  /** G */
  groups: number;
  dtLo: number;
  /** 3e38 where there is no limit. */
  dtHi: number;
  /** Whether the gate stands behind the norm. */
  gateLast?: boolean;
}

/** I, CD and the width of in_proj's output. */
export function mamba2Widths(dims: Mamba2Dims) {
  const inner = dims.heads * dims.headDim;
  const channels = inner + 2 * dims.groups * dims.stateSize;
  return { inner, channels, projected: inner + channels + dims.heads };
}

/** Q: tokens of a chunk of the prefill scan. Any value gives the same result; 64 keeps the quadratic part small. */
export const CHUNK_TOKENS = 64;

/**
 * Columns of a head (P) that one workgroup of the scan makes, as many as workgroup memory has room for. It is a divisor
 * of P that is a multiple of 4.
 */
export function scanTile(dims: Mamba2Dims): number {
  let tile = Math.min(64, dims.headDim);
  while (dims.headDim % tile !== 0) tile -= 4;
  return tile;
}
