import type { BufferSlice } from '../../gpu/buffers.ts';

/** The residual stream of one token, on its way into the norm that follows (shaders/lib/to_norm.wgsl). */
export interface StreamToNorm {
  /** Weight of that norm (C). */
  normWeight: BufferSlice;
  /** The stream (C), which the kernel adds to. */
  x: BufferSlice;
  /** x * normWeight (C). */
  h: BufferSlice;
  /** Squares of x, four and four summed (C / 4). */
  squares: BufferSlice;
}

/** By the names that kernels bind them to. */
export function streamBuffers({ normWeight, x, h, squares }: StreamToNorm): Record<string, BufferSlice> {
  return { norm_weight: normWeight, x, h, x_squares: squares };
}
