import { type BufferMaker, BufferSet, BufferTally } from '../gpu/buffers.ts';
import { type Gpu, type GpuLimits, largestBinding } from '../gpu/device.ts';
import { mamba2Widths } from '../kernels/mamba2/mamba2-shape.ts';
import type { Architecture } from '../architecture/architecture.ts';
import { mamba2Dims } from './dims.ts';
import { LayoutMaker, type StateBuffer } from './state-layout.ts';

/** Conv columns and SSM state of a Mamba-2 mixer. */
interface Mamba2State {
  /** (4, CD) f32: column q % 4 holds the raw conv input of position q. */
  conv: GPUBuffer;
  /** (H, P, N) f32. */
  ssm: GPUBuffer;
}

/** Conv columns and SSM state of a Mamba-1 mixer. */
interface Mamba1State {
  /** (4, I) f32: column q % 4 holds the raw conv input of position q. */
  conv: GPUBuffer;
  /** (I, N) f32. */
  ssm: GPUBuffer;
}

/** Keys (after RoPE) and values of attention, (capacity, J, headDim) f32 each. */
interface AttentionState {
  keys: GPUBuffer;
  values: GPUBuffer;
}

/** What the mixers of a block keep; a block of an MLP alone keeps nothing. */
export interface BlockState {
  mamba2?: Mamba2State;
  mamba1?: Mamba1State;
  attention?: AttentionState;
}

/** Buffers of a block whose size does not depend on the length of the sequence, in a fixed order. */
function fixedBuffers({ mamba2, mamba1 }: BlockState): GPUBuffer[] {
  return [mamba2, mamba1].flatMap((state) => (state ? [state.conv, state.ssm] : []));
}

const KV_BLOCK = 256; // tokens that a cache grows by at least

/** What the mixers of block `index` keep that does not grow. */
function fixedState(set: BufferMaker, architecture: Architecture, index: number): BlockState {
  const kinds = architecture.blocks[index]!.flat();
  const state = (channels: number, ...ssm: number[]) => ({
    conv: set.floats(`block ${index} / conv`, 4, channels),
    ssm: set.floats(`block ${index} / ssm`, ...ssm),
  });
  const dims = mamba2Dims(architecture);
  const { mamba1 } = architecture;
  return {
    ...(dims &&
      kinds.includes('mamba2') && {
        mamba2: state(mamba2Widths(dims).channels, dims.heads, dims.headDim, dims.stateSize),
      }),
    ...(mamba1 && kinds.includes('mamba1') && { mamba1: state(mamba1.inner, mamba1.inner, mamba1.stateSize) }),
  };
}

/** Keys and values of block `index` with room for so many tokens. */
function caches(set: BufferMaker, architecture: Architecture, index: number, capacity: number): BlockState {
  const kinds = architecture.blocks[index]!.flat();
  if (!kinds.includes('attention') && !kinds.includes('shared')) return {};
  const { kvHeads, headDim } = architecture.attention!;
  return {
    attention: {
      keys: set.floats(`block ${index} / keys`, capacity, kvHeads, headDim),
      values: set.floats(`block ${index} / values`, capacity, kvHeads, headDim),
    },
  };
}

/**
 * What a state of so many tokens consists of, in a fixed order: each block's buffers as far as they are in use. In a cache
 * tokens follow each other, so that one with room for fewer is the beginning of one with room for more.
 */
export function stateLayout(architecture: Architecture, tokens: number): StateBuffer[] {
  return pairs(architecture, tokens).map(([layout]) => layout);
}

/** The same, each with the buffer of `blocks` that it is in. */
function pairs(
  architecture: Architecture,
  tokens: number,
  blocks: readonly BlockState[] = [],
): [StateBuffer, GPUBuffer | undefined][] {
  const layout = new LayoutMaker();
  return architecture.blocks.flatMap((_, index) => {
    const block: BlockState = {
      ...fixedState(layout, architecture, index),
      ...(tokens > 0 && caches(layout, architecture, index, tokens)),
    };
    return layout.match(block, blocks[index] ?? {});
  });
}

/** Bytes of a sequence's state: those that it always has, and those that every token adds to them. */
export function stateBytes(architecture: Architecture): { fixed: number; perToken: number } {
  const [fixed, cache] = [new BufferTally(), new BufferTally()];
  for (const index of architecture.blocks.keys()) {
    fixedState(fixed, architecture, index);
    caches(cache, architecture, index, KV_BLOCK);
  }
  return { fixed: fixed.bytes, perToken: cache.bytes / KV_BLOCK };
}

/**
 * Most tokens whose keys and values, and whose table of rotary angles, a device can bind; Infinity without attention.
 * A cache grows by blocks, and one of them is within what every device binds.
 */
export function longestContext({ attention }: Architecture, limits: GpuLimits): number {
  if (!attention) return Infinity;
  const { kvHeads, headDim, rope } = attention;
  const bytes = 4 * Math.max(kvHeads * headDim, rope?.dims ?? 0);
  const blocks = Math.floor(largestBinding(limits) / (bytes * KV_BLOCK));
  return KV_BLOCK * Math.max(1, blocks);
}

/**
 * All that a sequence's past amounts to: fixed-size states of the Mamba mixers, keys and values of the few attention
 * layers, and the tokens themselves. It starts from explicit zeros.
 */
export class SequenceState {
  readonly #gpu: Gpu;
  readonly #architecture: Architecture;
  readonly #fixed: BufferSet;
  #cache: BufferSet;
  #capacity: number;
  blocks: BlockState[];
  /** The tokens that the state is the state of. */
  tokens: number[] = [];

  private constructor(gpu: Gpu, architecture: Architecture, capacity: number) {
    this.#gpu = gpu;
    this.#architecture = architecture;
    this.#fixed = new BufferSet(gpu.device, 'state');
    this.#cache = new BufferSet(gpu.device, 'kv cache');
    this.#capacity = capacity;
    this.blocks = architecture.blocks.map((_, index) => ({
      ...fixedState(this.#fixed, architecture, index),
      ...caches(this.#cache, architecture, index, capacity),
    }));
  }

  /** Bytes of GPU memory that a state with room for so many tokens takes. */
  static bytesOf(architecture: Architecture, tokens: number): number {
    const { fixed, perToken } = stateBytes(architecture);
    return fixed + perToken * roundUp(Math.max(1, tokens));
  }

  /** @throws BambaError `out_of_memory`. */
  static async create(gpu: Gpu, architecture: Architecture, capacity = KV_BLOCK): Promise<SequenceState> {
    const { value: state, accepted } = SequenceState.allocate(gpu, architecture, capacity);
    try {
      await accepted;
    } catch (error) {
      state.dispose();
      throw error;
    }
    return state;
  }

  /** As `create`, at once: the promise tells whether there was memory. */
  static allocate(
    gpu: Gpu,
    architecture: Architecture,
    capacity = KV_BLOCK,
  ): { value: SequenceState; accepted: Promise<void> } {
    return gpu.guardedNow(
      'allocating the state of a sequence',
      () => new SequenceState(gpu, architecture, roundUp(capacity)),
    );
  }

  get position(): number {
    return this.tokens.length;
  }

  /** Tokens that the KV caches have room for. */
  get capacity(): number {
    return this.#capacity;
  }

  /** Bytes of GPU memory. */
  get bytes(): number {
    return this.#fixed.bytes + this.#cache.bytes;
  }

  /**
   * Makes room for `tokens` tokens in all. Existing keys and values are kept.
   * @returns whether buffers were replaced: whoever bound them binds again.
   * @throws BambaError `out_of_memory`; the state is as before then.
   */
  async reserve(tokens: number, limit: number): Promise<boolean> {
    if (tokens <= this.#capacity || !this.#architecture.attention) return false;
    // Doubling keeps the copying linear in the length.
    const capacity = roundUp(Math.min(limit, Math.max(tokens, 2 * this.#capacity)));
    const old = this.#cache;
    const oldBlocks = this.blocks;
    const cache = new BufferSet(this.#gpu.device, 'kv cache');
    this.#cache = cache;
    try {
      const grown = await this.#gpu.guarded(`growing the attention cache to ${capacity} tokens`, () =>
        oldBlocks.map((block, index) => ({ ...block, ...caches(cache, this.#architecture, index, capacity) })),
      );
      // All of it: steps that the host has not heard of yet may have appended.
      this.#copyCaches(oldBlocks, grown, this.#capacity);
      this.blocks = grown;
    } catch (error) {
      cache.dispose();
      this.#cache = old;
      throw error;
    }
    this.#capacity = capacity;
    old.dispose();
    return true;
  }

  /** Where what `stateLayout` names is, in its order, of so many tokens. Its capacity must suffice. */
  ranges(tokens = this.position): { buffer: GPUBuffer; bytes: number }[] {
    return pairs(this.#architecture, tokens, this.blocks).map(([{ bytes }, buffer]) => ({ buffer: buffer!, bytes }));
  }

  /** Back to an empty sequence. */
  reset(): void {
    const encoder = this.#gpu.device.createCommandEncoder({ label: 'reset state' });
    // Keys and values stay: rows beyond the position are never read.
    for (const buffer of this.blocks.flatMap(fixedBuffers)) encoder.clearBuffer(buffer);
    this.#gpu.device.queue.submit([encoder.finish()]);
    this.tokens = [];
  }

  /** A copy of its own, with room for its tokens only. @throws BambaError `out_of_memory`. */
  async clone(): Promise<SequenceState> {
    const copy = await SequenceState.create(this.#gpu, this.#architecture, Math.max(1, this.position));
    copy.#copyFrom(this);
    return copy;
  }

  /** Becomes what `other` is. Its capacity must suffice: reserve first. */
  restore(other: SequenceState): void {
    this.#copyFrom(other);
  }

  #copyFrom(other: SequenceState): void {
    const encoder = this.#gpu.device.createCommandEncoder({ label: 'copy state' });
    const sources = other.blocks.flatMap(fixedBuffers);
    for (const [index, buffer] of this.blocks.flatMap(fixedBuffers).entries()) {
      encoder.copyBufferToBuffer(sources[index]!, 0, buffer, 0, buffer.size);
    }
    this.#gpu.device.queue.submit([encoder.finish()]);
    this.#copyCaches(other.blocks, this.blocks, other.position);
    this.tokens = [...other.tokens];
  }

  #copyCaches(from: readonly BlockState[], to: readonly BlockState[], tokens: number): void {
    const { attention } = this.#architecture;
    if (!attention || tokens === 0) return;
    const bytes = tokens * attention.kvHeads * attention.headDim * 4;
    const encoder = this.#gpu.device.createCommandEncoder({ label: 'copy kv cache' });
    for (const [index, { attention: target }] of to.entries()) {
      const source = from[index]?.attention;
      if (!source || !target) continue;
      encoder.copyBufferToBuffer(source.keys, 0, target.keys, 0, bytes);
      encoder.copyBufferToBuffer(source.values, 0, target.values, 0, bytes);
    }
    this.#gpu.device.queue.submit([encoder.finish()]);
  }

  /** Idempotent. */
  dispose(): void {
    this.#fixed.dispose();
    this.#cache.dispose();
  }
}

function roundUp(tokens: number): number {
  return Math.ceil(tokens / KV_BLOCK) * KV_BLOCK;
}
