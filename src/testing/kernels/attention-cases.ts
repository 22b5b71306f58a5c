import { ATTENTION_SPLITS, type AttentionDims } from '../../kernels/attention/attention-shape.ts';
import { type CacheType, cacheRowBytes, ENDLESS, type KvCache } from '../../kernels/attention/kv-cache.ts';
import { shaderLibrary } from '../../kernels/shared/library.ts';
import { decodeCache, encodeCache } from '../../reference/kv_cache.ts';
import { rope, type RotaryEmbedding } from '../../reference/rope.ts';
import { randomTensor } from '../arbitrary.ts';
import { expectClose } from '../close.ts';
import type { TestGpu } from './device.ts';

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

/** Keys and values of a mixer, (tokens, J, headDim) each. */
interface KeysAndValues {
  keys: Float32Array;
  values: Float32Array;
}

/** A cache on the GPU, and what it holds. */
export interface TestCache {
  cache: KvCache;
  /** Words of all rows, (tokens, J), as they were written, and as they are now. */
  written: { keys: Uint32Array; values: Uint32Array };
  words: () => Promise<{ keys: Uint32Array; values: Uint32Array }>;
}

/** Words of keys or values of one token. */
export function tokenWords(type: CacheType, { kvHeads, headDim }: AttentionDims): number {
  return (kvHeads * cacheRowBytes(type, headDim)) / 4;
}

/** A cache that holds these rows, in segments of so many tokens. */
export function testCache(
  gpu: TestGpu,
  type: CacheType,
  dims: AttentionDims,
  held: KeysAndValues,
  segmentTokens = Infinity,
): TestCache {
  const total = held.keys.length / (dims.kvHeads * dims.headDim);
  const width = tokenWords(type, dims);
  const stored = [held.keys, held.values].map((rows) => encodeCache(type, rows, dims.headDim));
  const places: { first: number; tokens: number }[] = [];
  for (let first = 0; first < total; first += segmentTokens) {
    places.push({ first, tokens: Math.min(segmentTokens, total - first) });
  }
  const outputs = stored.map((words) =>
    places.map(({ first, tokens }) => {
      const part = words.slice(first * width, (first + tokens) * width);
      return gpu.output(new Float32Array(part.buffer));
    }),
  );
  const segments = places.map((place, index) => ({ keys: outputs[0]![index]!, values: outputs[1]![index]!, ...place }));
  const read = async (index: number) => {
    const all = new Uint32Array(total * width);
    for (const [segment, output] of outputs[index]!.entries()) {
      const { buffer, byteOffset, length } = await gpu.read(output);
      all.set(new Uint32Array(buffer, byteOffset, length), places[segment]!.first * width);
    }
    return all;
  };
  const written = { keys: stored[0]!, values: stored[1]! };
  return { cache: { type, segments }, written, words: async () => ({ keys: await read(0), values: await read(1) }) };
}

/** A window of few tokens, the rows of its ring, and a cap: what a model of many tokens has, in small. */
export const WINDOWED = { window: 24, ring: 64, scoreCap: 2 };

/**
 * A ring of so many rows that holds the latest of these tokens. Rows that no token has taken yet hold what must not be read,
 * which f32 alone can tell.
 */
export function testRing(
  gpu: TestGpu,
  type: CacheType,
  dims: AttentionDims,
  held: KeysAndValues,
  ring: number,
): TestCache {
  const width = dims.kvHeads * dims.headDim;
  const total = held.keys.length / width;
  const inRing = (rows: Float32Array) => {
    const laid = new Float32Array(ring * width).fill(type === 'f32' ? NaN : 1e30);
    for (let token = Math.max(0, total - ring); token < total; token++) {
      laid.set(rows.subarray(token * width, (token + 1) * width), (token % ring) * width);
    }
    return laid;
  };
  const { cache, ...others } = testCache(gpu, type, dims, { keys: inRing(held.keys), values: inRing(held.values) });
  return { cache: { ...cache, ring, segments: cache.segments.map((one) => ({ ...one, tokens: ENDLESS })) }, ...others };
}

/** What the words of a cache stand for, of the first `tokens` tokens. */
export function heldBy(
  type: CacheType,
  dims: AttentionDims,
  words: { keys: Uint32Array; values: Uint32Array },
  tokens: number,
): KeysAndValues {
  const decoded = (all: Uint32Array) => decodeCache(type, all.slice(0, tokens * tokenWords(type, dims)), dims.headDim);
  return { keys: decoded(words.keys), values: decoded(words.values) };
}

/**
 * Holds rows as they were stored to what they should be, within what the type rounds: a step of f16, which WGSL lets round
 * either way and flush what is below its normal numbers, or half a step of int8, of a scale that is rounded up by 2^-7.
 * @param exact rows of headDim, of which `error` is the error by itself
 */
export function expectStored(
  type: CacheType,
  actual: Float32Array,
  exact: Float64Array,
  headDim: number,
  { error, what }: { error: number; what: string },
): void {
  const bounds = Float64Array.from(exact, (value, i) => {
    if (type === 'f32') return error;
    if (type === 'f16') return error + Math.abs(value) * 2 ** -10 + 2 ** -14;
    const [row, block] = [Math.floor(i / headDim) * headDim, Math.floor((i % headDim) / 32) * 32];
    const inBlock = exact.subarray(row + block, Math.min(row + block + 32, row + headDim));
    const largest = inBlock.reduce((most, other) => Math.max(most, Math.abs(other)), 0);
    return error + (largest / 127) * (1 + 2 ** -7) * 0.501;
  });
  expectClose(actual, exact, { abs: bounds }, what);
}

/** What attention makes of qkv (T, heads + 2J, headDim) after the past: rotated q, and the new keys and values. */
export function rotatedParts(
  qkv: Float32Array,
  position: number,
  dims: AttentionDims,
): { q: Float64Array; keys: Float64Array; values: Float64Array } {
  const { heads, kvHeads, headDim } = dims;
  const width = qkvWidth(dims);
  const part = (first: number, count: number) =>
    qkv.filter((_, i) => i % width >= first * headDim && i % width < (first + count) * headDim);
  const embedding = embeddingOf(dims);
  const q = rope(part(0, heads), embedding, { heads, headDim, position });
  const keys = rope(part(heads, kvHeads), embedding, { heads: kvHeads, headDim, position });
  return { q, keys, values: Float64Array.from(part(heads + kvHeads, kvHeads)) };
}

/** Keys that a split of decode has at least. */
export const MIN_SPAN = Number(/MIN_SPAN: u32 = (\d+);/.exec(shaderLibrary['lib/splits.wgsl']!)![1]);

/** Splits that decode cuts the keys of a sequence into: as many as there may be, unless they had too few keys. */
export function usedSplits(length: number): number {
  return Math.ceil(length / Math.max(MIN_SPAN, Math.ceil(length / ATTENTION_SPLITS)));
}

/** What splits without keys hold: a score that would be the highest, and a longer answer's output. */
const STALE = 1e30;

/** Partial attention of `heads`, of which `used` splits have keys. */
export function partialAttention(seed: number, heads: number, headDim: number, used: number) {
  const outputs = randomTensor(seed, ATTENTION_SPLITS * heads * headDim);
  const scores = randomTensor(seed + 1, ATTENTION_SPLITS * heads, 20);
  const totals = randomTensor(seed + 2, ATTENTION_SPLITS * heads).map((value) => 1 + Math.abs(value));
  const partial = new Float32Array(ATTENTION_SPLITS * heads * (headDim + 4)).fill(STALE);
  const merged = new Float64Array(heads * headDim);
  for (let head = 0; head < heads; head++) {
    const highest = Math.max(...Array.from({ length: used }, (_, split) => scores[split * heads + head]!));
    let total = 0;
    for (let split = 0; split < used; split++) {
      const index = split * heads + head;
      const at = index * (headDim + 4);
      const weight = Math.exp(scores[index]! - highest);
      total += weight * totals[index]!;
      partial.set([scores[index]!, totals[index]!], at + headDim);
      for (let i = 0; i < headDim; i++) {
        partial[at + i] = outputs[index * headDim + i]!;
        merged[head * headDim + i] = merged[head * headDim + i]! + weight * outputs[index * headDim + i]!;
      }
    }
    for (let i = 0; i < headDim; i++) merged[head * headDim + i] = merged[head * headDim + i]! / total;
  }
  return { partial, merged };
}
