import { ATTENTION_SPLITS, type AttentionDims } from '../kernels/attention/attention-shape.ts';
import { shaderLibrary } from '../kernels/shared/library.ts';
import { attention } from '../reference/attention.ts';
import { rope, type RotaryEmbedding } from '../reference/rope.ts';
import { randomTensor } from './arbitrary.ts';

// Attention mixers of small sizes, and what the reference makes of them between qkv and o_proj.

/** Heads of Bamba-9B (32 over 8 of 128, half of it rotated) in part, and small odd ones: heads, J, headDim, ropeDims. */
export const ATTENTION_SHAPES: readonly AttentionDims[] = [
  [8, 2, 128, 64],
  [4, 1, 32, 16],
  [4, 4, 64, 64],
  [6, 2, 80, 40],
  [3, 1, 4, 0],
  [5, 1, 20, 10],
  [2, 1, 256, 128],
  [1, 1, 8, 2],
].map(([heads, kvHeads, headDim, ropeDims]) => ({
  heads: heads!,
  kvHeads: kvHeads!,
  headDim: headDim!,
  ropeDims: ropeDims!,
  scale: 1 / Math.sqrt(headDim!),
}));

/** The rotation of a shape, with a factor that is not 1; null where nothing turns. */
export function embeddingOf({ ropeDims: dims }: AttentionDims): RotaryEmbedding | null {
  if (dims === 0) return null;
  const inverseFrequencies = Array.from({ length: dims / 2 }, (_, i) => 10_000 ** ((-2 * i) / dims));
  return { dims, inverseFrequencies, attentionFactor: 1.25 };
}

/** f32 elements of a row of qkv. */
export function qkvWidth({ heads, kvHeads, headDim }: AttentionDims): number {
  return (heads + 2 * kvHeads) * headDim;
}

/** Rotated keys and values of `positions` tokens that came before: (positions, J, headDim) each. */
export function pastOf(seed: number, positions: number, { kvHeads, headDim }: AttentionDims) {
  const size = positions * kvHeads * headDim;
  return { keys: randomTensor(seed, size), values: randomTensor(seed + 1, size) };
}

/** What attention makes of qkv (T, heads + 2J, headDim) after the past: rotated q, all keys and values, y (T, heads, headDim). */
export function attentionReference(
  qkv: Float32Array,
  past: { keys: Float32Array; values: Float32Array },
  dims: AttentionDims,
) {
  const { heads, kvHeads, headDim } = dims;
  const width = qkvWidth(dims);
  const part = (first: number, count: number) =>
    qkv.filter((_, i) => i % width >= first * headDim && i % width < (first + count) * headDim);
  const position = past.keys.length / (kvHeads * headDim);
  const embedding = embeddingOf(dims);
  const q = rope(part(0, heads), embedding, { heads, headDim, position });
  const k = rope(part(heads, kvHeads), embedding, { heads: kvHeads, headDim, position });
  const keys = Float64Array.from([...past.keys, ...k]);
  const values = Float64Array.from([...past.values, ...part(heads + kvHeads, kvHeads)]);
  return { q, keys, values, y: attention(q, keys, values, dims, position), position };
}

/** Keys that a split of decode has at least. */
export const MIN_SPAN = Number(/MIN_SPAN: u32 = (\d+);/.exec(shaderLibrary['lib/splits.wgsl']!)![1]);

/** Splits that decode cuts the keys of a sequence into: as many as there may be, unless they had too few keys. */
export function usedSplits(length: number): number {
  return Math.ceil(length / Math.max(MIN_SPAN, Math.ceil(length / ATTENTION_SPLITS)));
}
