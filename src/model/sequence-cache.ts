import { BambaError } from '../errors.ts';
import { type BufferMaker, BufferSet, slice } from '../gpu/buffers.ts';
import { type Gpu, type GpuLimits, largestBinding } from '../gpu/device.ts';
import {
  type CacheSegment,
  type CacheType,
  cacheRowBytes,
  ENDLESS,
  type KvCache,
} from '../kernels/attention/kv-cache.ts';
import { type Architecture, hasBranch } from '../architecture/architecture.ts';
import type { StateBuffer } from './state-layout.ts';
import { CACHE_BLOCK, ringOf, roundUp } from './window-ring.ts';

// The keys and values of a sequence. They lie in segments: the first grows by copying what it holds, as long as it is
// short, and further ones are added without touching those before. So a long context never needs memory for itself twice,
// and no buffer is larger than a device can bind. Of blocks with a window the first segment has a ring, and the others have
// nothing.

/** Tokens of a segment, where buffers of that size can be bound: few, and more dispatches a token; many, and room unused. */
export const SEGMENT_TOKENS = 16_384;

/** How the keys and values of a model are laid out. */
export interface CacheLayout {
  type: CacheType;
  /** Tokens of a whole segment. */
  segmentTokens: number;
}

/** Buffers of one segment, for all blocks with attention. */
interface Segment {
  first: number;
  tokens: number;
  set: BufferSet;
  /** By block; undefined where it has no attention, or a ring in the first segment. */
  parts: readonly (CacheSegment | undefined)[];
}

/** Bytes of all keys, or of all values, of one token in one block. */
function tokenBytes({ attention }: Architecture, type: CacheType): number {
  return attention ? attention.kvHeads * cacheRowBytes(type, attention.headDim) : 0;
}

/** The layout for a device: a segment is within what it can bind, or one block long, which every device can. */
export function cacheLayout(architecture: Architecture, type: CacheType, limits: GpuLimits): CacheLayout {
  const bound = Math.floor(largestBinding(limits) / Math.max(1, tokenBytes(architecture, type)));
  const blocks = Math.floor(Math.min(SEGMENT_TOKENS, bound) / CACHE_BLOCK);
  checkRings(architecture, type, bound);
  return { type, segmentTokens: CACHE_BLOCK * Math.max(1, blocks) };
}

/** A ring lies in one buffer. @throws BambaError `adapter_limit` where that is too large. */
function checkRings(architecture: Architecture, type: CacheType, most: number): void {
  const longest = architecture.blocks.reduce((rows, _, index) => Math.max(rows, ringOf(architecture, index) ?? 0), 0);
  if (longest <= Math.max(most, CACHE_BLOCK)) return;
  throw new BambaError(
    'adapter_limit',
    `Attention of this model sees ${architecture.attention?.window} tokens, and with keys and values of ${type} this ` +
      `graphics adapter binds ${most} at once. Choose a smaller kvCacheType, such as int8, or another adapter.`,
  );
}

/** Rows that block `index` has in a segment: where it has a ring, all of it once the first segment is whole. */
function rowsOf(
  architecture: Architecture,
  index: number,
  { first, tokens }: { first: number; tokens: number },
  isWhole: boolean,
): number {
  const ring = ringOf(architecture, index);
  if (ring === undefined) return tokens;
  if (first > 0) return 0;
  return isWhole ? ring : Math.min(ring, tokens);
}

function hasCache({ blocks }: Architecture, index: number): boolean {
  const block = blocks[index]!;
  return hasBranch([block], 'attention') || hasBranch([block], 'shared');
}

/** Keys and values of block `index` for a segment, if it has any. */
function segmentPart(
  set: BufferMaker,
  architecture: Architecture,
  type: CacheType,
  index: number,
  place: { first: number; tokens: number },
  isWhole = false,
): CacheSegment | undefined {
  const rows = hasCache(architecture, index) ? rowsOf(architecture, index, place, isWhole) : 0;
  if (rows === 0) return undefined;
  const { first } = place;
  const bytes = rows * tokenBytes(architecture, type);
  return {
    keys: slice(set.storage(`block ${index} / keys from ${first}`, bytes)),
    values: slice(set.storage(`block ${index} / values from ${first}`, bytes)),
    first,
    // A ring takes any token.
    tokens: ringOf(architecture, index) === undefined ? rows : ENDLESS,
  };
}

/** The keys and the values of block `index`, of so many tokens, as they would lie in one segment. */
export function cacheBuffers(
  architecture: Architecture,
  type: CacheType,
  index: number,
  tokens: number,
): StateBuffer[] {
  const { attention } = architecture;
  if (!attention || tokens === 0 || !hasCache(architecture, index)) return [];
  const rows = Math.min(tokens, ringOf(architecture, index) ?? Infinity);
  const shape = [rows, attention.kvHeads, cacheRowBytes(type, attention.headDim)];
  const bytes = rows * tokenBytes(architecture, type);
  return ['keys', 'values'].map((name) => ({ name: `block ${index} / ${name}`, type: `cache ${type}`, shape, bytes }));
}

/** Bytes of the keys and values of so many tokens. */
export function cacheBytes(architecture: Architecture, type: CacheType, tokens: number): number {
  const rows = architecture.blocks.map((_, index) =>
    hasCache(architecture, index) ? Math.min(tokens, ringOf(architecture, index) ?? Infinity) : 0,
  );
  return 2 * tokenBytes(architecture, type) * rows.reduce((sum, count) => sum + count, 0);
}

/** The keys and values of all blocks of one sequence. */
export class SequenceCache {
  readonly layout: CacheLayout;
  readonly #gpu: Gpu;
  readonly #architecture: Architecture;
  #segments: Segment[];

  /** With room for so many tokens; call inside `gpu.guarded`. */
  constructor(gpu: Gpu, architecture: Architecture, layout: CacheLayout, capacity: number) {
    this.#gpu = gpu;
    this.#architecture = architecture;
    this.layout = layout;
    this.#segments = this.#places(capacity).map((place) => this.#allocate(place));
  }

  /** Tokens that there is room for. */
  get capacity(): number {
    return this.#segments.reduce((sum, { tokens }) => sum + tokens, 0);
  }

  /** Bytes of GPU memory. */
  get bytes(): number {
    return this.#segments.reduce((sum, { set }) => sum + set.bytes, 0);
  }

  /** Of block `index`; undefined where it has no attention. */
  ofBlock(index: number): KvCache | undefined {
    const segments = this.#segments.map(({ parts }) => parts[index]).filter((part) => part !== undefined);
    const ring = ringOf(this.#architecture, index);
    return segments.length > 0 ? { type: this.layout.type, segments, ...(ring !== undefined && { ring }) } : undefined;
  }

  /** Room that is worth making for `tokens` tokens, of a context of `limit`. */
  capacityFor(tokens: number, limit: number): number {
    const { segmentTokens } = this.layout;
    // Within a segment, doubling keeps the copying linear in the length.
    const wanted =
      tokens <= segmentTokens
        ? Math.min(segmentTokens, Math.max(tokens, 2 * this.capacity))
        : Math.ceil(tokens / segmentTokens) * segmentTokens;
    return roundUp(Math.min(limit, wanted));
  }

  /**
   * Makes room for so many tokens. What is there stays; segments that are too short are copied into longer ones.
   * @throws BambaError `out_of_memory`; all is as before then.
   */
  async grow(capacity: number): Promise<void> {
    const places = this.#places(capacity);
    const old = this.#segments;
    const made: Segment[] = [];
    const make = (place: { first: number; tokens: number }): Segment => {
      const segment = this.#allocate(place);
      made.push(segment);
      return segment;
    };
    try {
      this.#segments = await this.#gpu.guarded(`growing the attention cache to ${capacity} tokens`, () =>
        places.map((place, index) => (old[index]?.tokens === place.tokens ? old[index] : make(place))),
      );
    } catch (error) {
      for (const { set } of made) set.dispose();
      throw error;
    }
    // All of it: steps that the host has not heard of yet may have appended.
    this.#copy(old, Infinity);
    for (const segment of old) if (!this.#segments.includes(segment)) segment.set.dispose();
  }

  /** Where the keys of block `index` are, then its values, of the first `tokens` tokens: a range for each segment. */
  ranges(index: number, tokens: number): { buffer: GPUBuffer; bytes: number }[] {
    const rowBytes = tokenBytes(this.#architecture, this.layout.type);
    const { segments = [], ring = Infinity } = this.ofBlock(index) ?? {};
    const used = segments.filter(({ first }) => first < tokens);
    return (['keys', 'values'] as const).flatMap((name) =>
      used.map((segment) => ({
        buffer: segment[name].buffer,
        bytes: rowBytes * Math.min(segment.tokens, ring, tokens - segment.first),
      })),
    );
  }

  /** The first `tokens` tokens become those of `other`, whose layout it has; there is room for them. */
  copyFrom(other: SequenceCache, tokens: number): void {
    this.#copy(other.#segments, tokens);
  }

  #copy(sources: readonly Segment[], tokens: number): void {
    const rowBytes = tokenBytes(this.#architecture, this.layout.type);
    const encoder = this.#gpu.device.createCommandEncoder({ label: 'copy kv cache' });
    for (const [index, source] of sources.entries()) {
      const target = this.#segments[index];
      const used = rowBytes * (tokens - source.first);
      if (!target || target === source || used <= 0) continue;
      for (const [block, from] of source.parts.entries()) {
        const to = target.parts[block];
        if (!from || !to) continue;
        const bytes = Math.min(used, from.keys.size, to.keys.size);
        encoder.copyBufferToBuffer(from.keys.buffer, 0, to.keys.buffer, 0, bytes);
        encoder.copyBufferToBuffer(from.values.buffer, 0, to.values.buffer, 0, bytes);
      }
    }
    this.#gpu.device.queue.submit([encoder.finish()]);
  }

  /** Where segments lie that have room for so many tokens: all whole but the last. */
  #places(capacity: number): { first: number; tokens: number }[] {
    const { segmentTokens } = this.layout;
    const total = roundUp(Math.max(1, capacity));
    return Array.from({ length: Math.ceil(total / segmentTokens) }, (_, index) => {
      const first = index * segmentTokens;
      return { first, tokens: Math.min(segmentTokens, total - first) };
    });
  }

  #allocate(place: { first: number; tokens: number }): Segment {
    const set = new BufferSet(this.#gpu.device, 'kv cache');
    const { type } = this.layout;
    try {
      const parts = this.#architecture.blocks.map((_, index) =>
        segmentPart(set, this.#architecture, type, index, place, place.tokens === this.layout.segmentTokens),
      );
      return { ...place, set, parts };
    } catch (error) {
      set.dispose();
      throw error;
    }
  }

  /** Idempotent. */
  dispose(): void {
    for (const { set } of this.#segments) set.dispose();
  }
}
