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
import type { PayloadPart } from './snapshot-transfer.ts';
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

/** Where a segment lies. */
interface Place {
  first: number;
  tokens: number;
}

/** Buffers of one segment, for all blocks with attention. */
interface Segment extends Place {
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
function rowsOf(architecture: Architecture, index: number, { first, tokens }: Place, isWhole: boolean): number {
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
  place: Place,
  isWhole: boolean,
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

/** Where segments lie that have room for so many tokens: all whole but the last. */
function placesOf({ segmentTokens }: CacheLayout, capacity: number): Place[] {
  const total = roundUp(Math.max(1, capacity));
  return Array.from({ length: Math.ceil(total / segmentTokens) }, (_, index) => {
    const first = index * segmentTokens;
    return { first, tokens: Math.min(segmentTokens, total - first) };
  });
}

/** Buffers of a segment, by block. */
function segmentParts(
  set: BufferMaker,
  architecture: Architecture,
  { type, segmentTokens }: CacheLayout,
  place: Place,
): (CacheSegment | undefined)[] {
  const isWhole = place.tokens === segmentTokens;
  return architecture.blocks.map((_, index) => segmentPart(set, architecture, type, index, place, isWhole));
}

/** What block `index` has of these segments; undefined where it has no attention. */
function cacheOf(
  architecture: Architecture,
  { type }: CacheLayout,
  index: number,
  all: readonly Pick<Segment, 'parts'>[],
): KvCache | undefined {
  const segments = all.map(({ parts }) => parts[index]).filter((part) => part !== undefined);
  const ring = ringOf(architecture, index);
  return segments.length > 0 ? { type, segments, ...(ring !== undefined && { ring }) } : undefined;
}

/** The keys and values of every block, with room for so many tokens, in buffers that `set` makes. */
export function createCaches(
  set: BufferMaker,
  architecture: Architecture,
  layout: CacheLayout,
  capacity: number,
): (KvCache | undefined)[] {
  const all = placesOf(layout, capacity).map((place) => ({ parts: segmentParts(set, architecture, layout, place) }));
  return architecture.blocks.map((_, index) => cacheOf(architecture, layout, index, all));
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
    this.#segments = placesOf(this.layout, capacity).map((place) => this.#allocate(place));
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
    return cacheOf(this.#architecture, this.layout, index, this.#segments);
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
    const places = placesOf(this.layout, capacity);
    const old = this.#segments;
    const made: Segment[] = [];
    const make = (place: Place): Segment => {
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
  ranges(index: number, tokens: number): PayloadPart[] {
    const rowBytes = tokenBytes(this.#architecture, this.layout.type);
    const { segments = [], ring = Infinity } = this.ofBlock(index) ?? {};
    const used = segments.filter(({ first }) => first < tokens);
    return (['keys', 'values'] as const).flatMap((name) =>
      used.map((segment) => ({
        buffer: segment[name].buffer,
        offset: 0,
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

  #allocate(place: Place): Segment {
    const set = new BufferSet(this.#gpu.device, 'kv cache');
    try {
      return { ...place, set, parts: segmentParts(set, this.#architecture, this.layout, place) };
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
