/** The dimensions of a real-gated linear recurrent unit. */
export interface RgLruDims {
  /** w: channels. */
  width: number;
  /** Blocks of channels, each with matrices of its own for its gates. */
  heads: number;
}
