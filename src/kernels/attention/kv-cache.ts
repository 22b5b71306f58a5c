import type { BufferSlice } from '../../gpu/buffers.ts';

// How keys and values are kept: see shaders/lib/cache_f32.wgsl and its kin.

/** The types that elements of keys and values are stored in. */
export const CACHE_TYPES = ['f32', 'f16', 'int8'] as const;
export type CacheType = (typeof CACHE_TYPES)[number];

/** Elements of a block of int8, which has a scale; two scales are a word. */
const BLOCK = 32;

/** A part of the keys and values of a mixer: of `tokens` tokens, the first of which is at position `first`. */
export interface CacheSegment {
  /** (tokens, J) rows of `cacheRowBytes` each, after RoPE. */
  keys: BufferSlice;
  values: BufferSlice;
  first: number;
  tokens: number;
}

/** The keys and values of a mixer. Segments follow each other, and none is longer than the first. */
export interface KvCache {
  type: CacheType;
  segments: readonly CacheSegment[];
  /**
   * With a window, the rows of the ring that its tokens take in turn: position p is in row p % ring. It has one
   * segment, which as long as the sequence is shorter may have less rows.
   */
  ring?: number;
}

/** The capacity of a segment that takes tokens without end, as rings do. */
export const ENDLESS = 2 ** 31;

/** Bytes of one head's key, or value, of one token. */
export function cacheRowBytes(type: CacheType, headDim: number): number {
  if (type === 'int8') return headDim + 4 * Math.ceil(headDim / (2 * BLOCK));
  return headDim * (type === 'f16' ? 2 : 4);
}

/** The facts of a segment that kernels get. */
export function segmentParams({ first, tokens }: CacheSegment): { segment_first: number; segment_tokens: number } {
  return { segment_first: first, segment_tokens: tokens };
}
