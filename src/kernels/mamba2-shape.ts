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
}

/** I, CD and the width of in_proj's output. */
export function mamba2Widths(dims: Mamba2Dims) {
  const inner = dims.heads * dims.headDim;
  const channels = inner + 2 * dims.groups * dims.stateSize;
  return { inner, channels, projected: inner + channels + dims.heads };
}

/** Q: tokens of a chunk of the prefill scan. Any value gives the same result; 64 keeps the quadratic part small. */
export const CHUNK_TOKENS = 64;

const WORKGROUP_BYTES = 13_700; // of the 16 KiB that every device has; the rest is for the scan's small arrays

/**
 * Rows of a head's state (P, N) that one workgroup of the scan holds: about 2,048 elements, four by four an invocation,
 * as far as they and the chunk's (Q, rows) inputs fit workgroup memory; a divisor of P that is a multiple of 4.
 */
export function scanTile(dims: Mamba2Dims): number {
  const bytesPerRow = (dims.stateSize + 4) * 4 + CHUNK_TOKENS * 4;
  const limit = Math.min(2048 / dims.stateSize, WORKGROUP_BYTES / bytesPerRow, dims.headDim);
  let tile = Math.max(4, Math.floor(limit / 4) * 4);
  while (dims.headDim % tile !== 0) tile -= 4;
  return tile;
}
