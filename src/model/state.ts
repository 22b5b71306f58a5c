import { BufferSet } from '../gpu/buffers.ts';
import type { Gpu } from '../gpu/device.ts';
import { mamba2Widths } from '../kernels/mamba2-shape.ts';
import type { Architecture } from './architecture.ts';
import { mamba2Dims } from './dims.ts';

/** Conv columns and SSM state of a Mamba-2 block. */
interface Mamba2State {
  kind: 'mamba2';
  /** (4, CD) f32: column q % 4 holds the raw conv input of position q. */
  conv: GPUBuffer;
  /** (H, P, N) f32. */
  ssm: GPUBuffer;
}

/** Keys (after RoPE) and values of an attention block, (capacity, J, headDim) f32 each. */
interface AttentionState {
  kind: 'attention';
  keys: GPUBuffer;
  values: GPUBuffer;
}

export type BlockState = Mamba2State | AttentionState;

const KV_BLOCK = 256; // tokens that a cache grows by at least

/**
 * All that a sequence's past amounts to: fixed-size states of the Mamba-2 blocks, keys and values of the few attention
 * blocks, and the tokens themselves. It starts from explicit zeros.
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
    const dims = mamba2Dims(architecture);
    this.blocks = architecture.blocks.map((kind, index) => {
      if (kind === 'attention') return this.#caches(index, capacity);
      return {
        kind,
        conv: this.#fixed.floats(`block ${index} / conv`, 4, mamba2Widths(dims!).channels),
        ssm: this.#fixed.floats(`block ${index} / ssm`, dims!.heads, dims!.headDim, dims!.stateSize),
      };
    });
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
    if (tokens <= this.#capacity || !this.blocks.some((block) => block.kind === 'attention')) return false;
    // Doubling keeps the copying linear in the length.
    const capacity = roundUp(Math.min(limit, Math.max(tokens, 2 * this.#capacity)));
    const old = this.#cache;
    const oldBlocks = this.blocks;
    const cache = new BufferSet(this.#gpu.device, 'kv cache');
    this.#cache = cache;
    try {
      const grown = await this.#gpu.guarded(`growing the attention cache to ${capacity} tokens`, () =>
        oldBlocks.map((block, index) => (block.kind === 'attention' ? this.#caches(index, capacity) : block)),
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
    for (const block of this.blocks) {
      if (block.kind === 'attention') continue; // rows beyond the position are never read
      encoder.clearBuffer(block.conv);
      encoder.clearBuffer(block.ssm);
    }
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
    for (const [index, block] of this.blocks.entries()) {
      const source = other.blocks[index]!;
      if (block.kind === 'mamba2' && source.kind === 'mamba2') {
        encoder.copyBufferToBuffer(source.conv, 0, block.conv, 0, block.conv.size);
        encoder.copyBufferToBuffer(source.ssm, 0, block.ssm, 0, block.ssm.size);
      }
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
    for (const [index, target] of to.entries()) {
      const source = from[index]!;
      if (source.kind !== 'attention' || target.kind !== 'attention') continue;
      encoder.copyBufferToBuffer(source.keys, 0, target.keys, 0, bytes);
      encoder.copyBufferToBuffer(source.values, 0, target.values, 0, bytes);
    }
    this.#gpu.device.queue.submit([encoder.finish()]);
  }

  #caches(index: number, capacity: number): AttentionState {
    const { kvHeads, headDim } = this.#architecture.attention!;
    return {
      kind: 'attention',
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
