import { BufferSet, type BufferSlice, BufferTally, copySlice, type SliceMaker, wholeBuffers } from '../gpu/buffers.ts';
import { type Gpu, type GpuLimits, largestBinding } from '../gpu/device.ts';
import type { Plan } from '../gpu/plan.ts';
import type { CacheType, KvCache } from '../kernels/attention/kv-cache.ts';
import type { Architecture } from '../architecture/architecture.ts';
import { CONV_RING, RECURRENT, recurrentOf, recurrentShape } from '../architecture/recurrent-state.ts';
import { LayoutMaker, type StateBuffer } from './state-layout.ts';
import type { PayloadPart } from './snapshot-transfer.ts';
import type { StateConverter, StateType } from './state-converter.ts';
import { cacheBuffers, cacheBytes, cacheLayout, type CacheLayout, SequenceCache } from './sequence-cache.ts';
import { CACHE_BLOCK, roundUp } from './window-ring.ts';

/** Past inputs of a mixer's convolution. */
interface ConvState {
  /** (4, channels) f32: column q % 4 holds the raw conv input of position q. */
  conv: BufferSlice;
}

/** The same with the state behind the convolution. */
interface RecurrentState extends ConvState {
  /** f32 in the shape that `recurrentShape` says, or f16 in a snapshot. */
  ssm: BufferSlice;
}

/** What the mixers of a block keep; a block of an MLP alone keeps nothing. */
export interface BlockState {
  mamba2?: RecurrentState;
  mamba1?: RecurrentState;
  short_conv?: ConvState;
  gated_delta?: RecurrentState;
  rg_lru?: RecurrentState;
  /** Keys and values. */
  attention?: KvCache;
}

/** The buffers of one kind, of all blocks, whose size does not depend on the length of the sequence, in a fixed order. */
function fixedBuffers(blocks: readonly BlockState[], kind: 'conv' | 'ssm'): BufferSlice[] {
  return blocks.flatMap((block) => RECURRENT.flatMap((name) => (block[name] as Partial<RecurrentState>)?.[kind] ?? []));
}

/** What the mixers of block `index` keep that does not grow. */
export function fixedState(
  maker: SliceMaker,
  architecture: Architecture,
  index: number,
  stateType: StateType,
): BlockState {
  const kind = recurrentOf(architecture.blocks[index]!);
  if (!kind) return {};
  const { channels, ssm } = recurrentShape(architecture, kind);
  const conv = maker.floats(`block ${index} / conv`, CONV_RING, channels);
  if (!ssm) return { [kind]: { conv } };
  const name = `block ${index} / ssm`;
  const bytes = ssm.reduce((product, size) => product * size, 2);
  return { [kind]: { conv, ssm: stateType === 'f32' ? maker.floats(name, ...ssm) : maker.storage(name, bytes) } };
}

/** What the mixers of block `index` keep that does not grow, each with the buffer of `block` that it is in. */
function fixedPairs(
  architecture: Architecture,
  index: number,
  block: BlockState = {},
): [StateBuffer, BufferSlice | undefined][] {
  const layout = new LayoutMaker();
  return layout.match(fixedState(wholeBuffers(layout), architecture, index, 'f32'), block);
}

/**
 * What a state of so many tokens consists of, in a fixed order: each block's buffers as far as they are in use, and keys and
 * values without regard to segments. Its SSM states are of f32.
 */
export function stateLayout(architecture: Architecture, tokens: number, cacheType: CacheType): StateBuffer[] {
  return architecture.blocks.flatMap((_, index) => [
    ...fixedPairs(architecture, index).map(([layout]) => layout),
    ...cacheBuffers(architecture, cacheType, index, tokens),
  ]);
}

/**
 * Bytes of a sequence's state: those that it always has, and those that every token adds to them, as long as there is room
 * in the rings of blocks with a window.
 */
export function stateBytes(
  architecture: Architecture,
  cacheType: CacheType,
  stateType: StateType = 'f32',
): { fixed: number; perToken: number } {
  const fixed = new BufferTally();
  for (const index of architecture.blocks.keys()) fixedState(wholeBuffers(fixed), architecture, index, stateType);
  return { fixed: fixed.bytes, perToken: cacheBytes(architecture, cacheType, 1) };
}

/**
 * Most tokens whose table of rotary angles a device can bind; Infinity without such. Keys and values lie in as many buffers
 * as they take.
 */
export function longestContext({ attention }: Architecture, limits: GpuLimits): number {
  const dims = attention?.rope?.dims ?? 0;
  if (dims === 0) return Infinity;
  return CACHE_BLOCK * Math.floor(largestBinding(limits) / (4 * dims * CACHE_BLOCK));
}

/** What a sequence is made for. */
export interface SequenceOptions {
  /** Tokens that there is room for at first. */
  capacity?: number;
  cacheType: CacheType;
  /** Tokens of a segment of keys and values; by default as many as `cacheLayout` finds. */
  segmentTokens?: number;
  /** What SSM states are stored as. Kernels take f32 alone; by default it is that. */
  stateType?: StateType;
  /** Makes what does not grow, and frees it; by default the sequence does. */
  maker?: SliceMaker;
}

/**
 * All that a sequence's past amounts to: fixed-size states of the Mamba mixers, keys and values of the few attention
 * layers, and the tokens themselves. It starts from explicit zeros.
 */
export class SequenceState {
  readonly #gpu: Gpu;
  readonly #architecture: Architecture;
  readonly #fixed: BufferSet;
  readonly #cache: SequenceCache;
  readonly #stateType: StateType;
  blocks: BlockState[];
  /** The tokens that the state is the state of. */
  tokens: number[] = [];

  private constructor(
    gpu: Gpu,
    architecture: Architecture,
    layout: CacheLayout,
    capacity: number,
    { stateType = 'f32', maker }: Pick<SequenceOptions, 'stateType' | 'maker'>,
  ) {
    this.#gpu = gpu;
    this.#architecture = architecture;
    this.#fixed = new BufferSet(gpu.device, 'state');
    this.#cache = new SequenceCache(gpu, architecture, layout, capacity);
    const fixed = maker ?? wholeBuffers(this.#fixed);
    this.blocks = architecture.blocks.map((_, index) => fixedState(fixed, architecture, index, stateType));
    this.#stateType = stateType;
    this.#showCache();
  }

  /** Bytes of GPU memory that a state with room for so many tokens takes. */
  static bytesOf(
    architecture: Architecture,
    tokens: number,
    { cacheType, stateType }: Pick<SequenceOptions, 'cacheType' | 'stateType'>,
  ): number {
    const { fixed } = stateBytes(architecture, cacheType, stateType);
    return fixed + cacheBytes(architecture, cacheType, roundUp(Math.max(1, tokens)));
  }

  /** @throws BambaError `out_of_memory`. */
  static async create(gpu: Gpu, architecture: Architecture, options: SequenceOptions): Promise<SequenceState> {
    const { value: state, accepted } = SequenceState.allocate(gpu, architecture, options);
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
    { capacity = 1, cacheType, segmentTokens, ...fixed }: SequenceOptions,
  ): { value: SequenceState; accepted: Promise<void> } {
    const found = cacheLayout(architecture, cacheType, gpu.device.limits);
    const layout = segmentTokens === undefined ? found : { ...found, segmentTokens };
    return gpu.guardedNow(
      'allocating the state of a sequence',
      () => new SequenceState(gpu, architecture, layout, capacity, fixed),
    );
  }

  get position(): number {
    return this.tokens.length;
  }

  /** Tokens that keys and values have room for. */
  get capacity(): number {
    return this.#cache.capacity;
  }

  /** What keys and values are stored as. */
  get cacheType(): CacheType {
    return this.#cache.layout.type;
  }

  /** How its keys and values lie: sequences that are copied into each other have them alike. */
  get cacheOptions(): Required<Pick<SequenceOptions, 'cacheType' | 'segmentTokens'>> {
    const { type: cacheType, segmentTokens } = this.#cache.layout;
    return { cacheType, segmentTokens };
  }

  /** Bytes of GPU memory. */
  get bytes(): number {
    return this.#fixed.bytes + this.#cache.bytes;
  }

  #showCache(): void {
    this.blocks = this.blocks.map((block, index) => {
      const attention = this.#cache.ofBlock(index);
      return attention ? { ...block, attention } : block;
    });
  }

  /** Tokens that there is to be room for, where `tokens` are wanted of a context of `limit`: what there is, or more. */
  capacityFor(tokens: number, limit: number): number {
    if (tokens <= this.capacity || !this.#architecture.attention) return this.capacity;
    return this.#cache.capacityFor(tokens, limit);
  }

  /**
   * Makes room for so many tokens in all; see `capacityFor`. Existing keys and values are kept. Buffers are added or
   * replaced: whoever bound them binds again.
   * @throws BambaError `out_of_memory`; the state is as before then.
   */
  async grow(capacity: number): Promise<void> {
    await this.#cache.grow(capacity);
    this.#showCache();
  }

  /** Whether its SSM states are of f32, as kernels and `stateLayout` have them. */
  get isExact(): boolean {
    return this.#stateType === 'f32';
  }

  /** Where what `stateLayout` names is, in its order, of so many tokens. Its capacity must suffice. */
  ranges(tokens = this.position): PayloadPart[] {
    return this.blocks.flatMap((block, index) => [
      ...fixedPairs(this.#architecture, index, block).map(([{ bytes }, kept]) => ({ ...kept!, bytes })),
      ...this.#cache.ranges(index, tokens),
    ]);
  }

  /** Back to an empty sequence. */
  reset(): void {
    const encoder = this.#gpu.device.createCommandEncoder({ label: 'reset state' });
    // Keys and values stay: rows beyond the position are never read.
    for (const kind of ['conv', 'ssm'] as const) {
      for (const { buffer, offset, size } of fixedBuffers(this.blocks, kind)) encoder.clearBuffer(buffer, offset, size);
    }
    this.#gpu.device.queue.submit([encoder.finish()]);
    this.tokens = [];
  }

  /**
   * A copy of its own, with room for its tokens only, and SSM states of the given type.
   * @throws BambaError `out_of_memory`, `gpu_failure`.
   */
  async clone(converter: StateConverter, stateType: StateType = 'f32'): Promise<SequenceState> {
    const options = { ...this.cacheOptions, stateType, capacity: this.position };
    const copy = await SequenceState.create(this.#gpu, this.#architecture, options);
    try {
      await copy.restore(this, converter);
      return copy;
    } catch (error) {
      copy.dispose();
      throw error;
    }
  }

  /**
   * Becomes what `other` is. Its capacity must suffice: grow first.
   * @param scratch as of `copySlice`, for sequences whose buffers are parts of the same ones
   * @throws BambaError `out_of_memory`, `gpu_failure`; the state is as before then.
   */
  async restore(other: SequenceState, converter: StateConverter, scratch?: GPUBuffer): Promise<void> {
    const ssm = { from: fixedBuffers(other.blocks, 'ssm'), to: fixedBuffers(this.blocks, 'ssm') };
    const conversion = this.#stateType === other.#stateType ? null : await this.#conversion(ssm, converter);
    const encoder = this.#gpu.device.createCommandEncoder({ label: 'copy state' });
    const copy = (sources: readonly BufferSlice[], targets: readonly BufferSlice[]) => {
      for (const [index, target] of targets.entries()) copySlice(encoder, sources[index]!, target, scratch);
    };
    copy(fixedBuffers(other.blocks, 'conv'), fixedBuffers(this.blocks, 'conv'));
    if (conversion) {
      const pass = encoder.beginComputePass();
      conversion.record(pass, 1);
      pass.end();
    } else copy(ssm.from, ssm.to);
    this.#gpu.device.queue.submit([encoder.finish()]);
    conversion?.dispose();
    this.#cache.copyFrom(other.#cache, other.position);
    this.tokens = [...other.tokens];
  }

  #conversion({ from, to }: { from: BufferSlice[]; to: BufferSlice[] }, converter: StateConverter): Promise<Plan> {
    const [exact, half] = this.#stateType === 'f32' ? [to, from] : [from, to];
    const pairs = exact.map((buffer, index) => ({ exact: buffer, half: half[index]! }));
    return converter.plan(pairs, this.#stateType);
  }

  /** Idempotent. */
  dispose(): void {
    this.#fixed.dispose();
    this.#cache.dispose();
  }
}
