/** The dimensions of a Mamba-1 mixer that its kernels need; letters as in src/model/GLOSSARY.md. */
export interface Mamba1Dims {
  /** I */
  inner: number;
  /** N */
  stateSize: number;
  /** Width of delta, from which the step sizes of all channels are made. */
  dtRank: number;
}

/** Width of x_proj's output: delta, b and c. */
export function selectedWidth({ stateSize, dtRank }: Mamba1Dims): number {
  return dtRank + 2 * stateSize;
}
