import { toNorm } from '../../reference/to_norm.ts';
import { HALF_ULP, sumBound } from './bounds.ts';
import { expectClose, type Tolerance } from '../close.ts';
import type { Output, TestGpu } from './device.ts';

// Vectors on their way into an RMSNorm (shaders/lib/to_norm.wgsl), before a kernel and behind it.

/** A square that would drown all others: what stands behind the sums that a kernel may read. */
const STALE = 1e30;

/**
 * x (C) as a kernel before left it: h = x * normWeight, `count` sums of squares over `span` elements each, zeros up to
 * the next multiple of four, and behind these the sums of a step before.
 */
export function goingToNorm(gpu: TestGpu, x: Float32Array, normWeight: Float32Array, span = 4) {
  const { h, squares } = toNorm(x, normWeight, span);
  const readable = Math.ceil(squares.length / 4) * 4;
  const held = new Float32Array(readable + 64).fill(STALE).fill(0, 0, readable);
  held.set(squares);
  return { h: gpu.input(h), squares: gpu.input(held), count: squares.length };
}

/** The residual stream x (C) that a kernel adds to, with what it leaves there for the norm that follows. */
export function residualStream(gpu: TestGpu, x: Float32Array, normWeight: Float32Array) {
  return {
    x: gpu.output(x),
    h: gpu.output(x.length),
    squares: gpu.output(x.length / 4),
    normWeight: gpu.input(normWeight),
  };
}

/** Expects x near `expected`, and h and squares to be those of the x that stands there. */
export async function expectStream(
  gpu: TestGpu,
  stream: { x: Output; h: Output; squares: Output },
  normWeight: Float32Array,
  expected: Float64Array,
  tolerance: Tolerance,
): Promise<void> {
  const x = await gpu.read(stream.x);
  expectClose(x, expected, tolerance, 'x');
  const { h, squares } = toNorm(x, normWeight, 4);
  // Denormals may be flushed to zero.
  const abs = 2 ** -126;
  expectClose(await gpu.read(stream.h), h, { abs, rel: 2 * HALF_ULP }, 'h');
  expectClose(await gpu.read(stream.squares), squares, { abs, rel: sumBound(4) }, 'squares');
}
