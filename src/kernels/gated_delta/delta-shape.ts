/** The dimensions of a gated delta mixer that its kernels need. */
export interface DeltaDims {
  keyHeads: number;
  /** A multiple of `keyHeads`. */
  valueHeads: number;
  keyDim: number;
  valueDim: number;
  /** Largest strength of a correction. */
  betaScale: number;
}

/**
 * Widths of keys, of values, of the convolution and of in_proj's output. A row of that is z (values), then the channels
 * of the convolution, then b and a (valueHeads each). The channels are q (keys), k (keys) and v (values).
 */
export function deltaWidths({ keyHeads, valueHeads, keyDim, valueDim }: Omit<DeltaDims, 'betaScale'>) {
  const keys = keyHeads * keyDim;
  const values = valueHeads * valueDim;
  const channels = 2 * keys + values;
  return { keys, values, channels, projected: values + channels + 2 * valueHeads };
}

/** Q: tokens of a chunk. Its triangular system is solved in workgroup memory, which has room for 32 rows. */
export const DELTA_CHUNK = 32;

/** Bytes of workgroup memory for a tile of a state. */
const TILE_BYTES = 8192;

/** Value columns of a state that one workgroup has: a power of two from 4 to 16. */
export function deltaTile({ keyDim }: Pick<DeltaDims, 'keyDim'>): number {
  let columns = 16;
  while (columns > 4 && 4 * columns * keyDim > TILE_BYTES) columns /= 2;
  return columns;
}
