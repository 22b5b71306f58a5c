import { BufferSet } from '../gpu/buffers.ts';
import type { Gpu } from '../gpu/device.ts';
import { mamba2Widths } from '../kernels/mamba2-shape.ts';
import type { Architecture } from './architecture.ts';
import { mamba2Dims } from './dims.ts';

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
    this.blocks = architecture.blocks.map((block, index) => {
      const kinds = new Set(block.flat());
      return {
        ...(kinds.has('mamba2') && { mamba2: this.#states(index) }),
        ...(kinds.has('mamba1') && { mamba1: this.#mamba1States(index) }),
        ...(kinds.has('attention') && { attention: this.#caches(index, capacity) }),
      };
    });
  }

  #states(index: number): Mamba2State {
    const dims = mamba2Dims(this.#architecture)!;
    return {
      conv: this.#fixed.floats(`block ${index} / conv`, 4, mamba2Widths(dims).channels),
      ssm: this.#fixed.floats(`block ${index} / ssm`, dims.heads, dims.headDim, dims.stateSize),
    };
  }

  #mamba1States(index: number): Mamba1State {
    const { inner, stateSize } = this.#architecture.mamba1!;
    return {
      conv: this.#fixed.floats(`block ${index} / conv`, 4, inner),
      ssm: this.#fixed.floats(`block ${index} / ssm`, inner, stateSize),
    };
  }

  /** @throws BambaError `out_of_memory`. */
  static create(gpu: Gpu, architecture: Architecture, capacity = KV_BLOCK): Promise<SequenceState> {
    return gpu.guarded(
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
        oldBlocks.map((block, index) =>
          block.attention ? { ...block, attention: this.#caches(index, capacity) } : block,
        ),
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

  #caches(index: number, capacity: number): AttentionState {
    const { kvHeads, headDim } = this.#architecture.attention!;
    return {
      keys: this.#cache.floats(`block ${index} / keys`, capacity, kvHeads, headDim),
      values: this.#cache.floats(`block ${index} / values`, capacity, kvHeads, headDim),
    };
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
