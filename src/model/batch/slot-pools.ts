import {
  type BufferMaker,
  type BufferSlice,
  floatBytes,
  slice,
  type SliceMaker,
  storageBytes,
} from '../../gpu/buffers.ts';
import { SLOT_STEP_BYTES } from '../../gpu/plan.ts';

/** Offsets of bindings are multiples of it. */
const ALIGNMENT = 256;

/**
 * What no dispatch takes for several slots. In a buffer of its own for each of them, it does not make dispatches wait that
 * have nothing else in common.
 */
const OWN: ReadonlySet<string> = new Set(['partial']);

/** One buffer for each name, in which every slot has a range: so one dispatch can be for all slots. */
export class SlotPools {
  readonly #set: BufferMaker;
  readonly #slots: number;
  readonly #pools = new Map<string, { buffer: GPUBuffer; stride: number }>();

  /** @param set makes the buffers and frees them. */
  constructor(set: BufferMaker, slots: number) {
    this.#set = set;
    this.#slots = slots;
  }

  /** Makes ranges of slot `index`. The slots are asked for the same names and sizes. */
  ofSlot(index: number): SliceMaker {
    const storage = (name: string, bytes: number): BufferSlice => this.#range(name, storageBytes(bytes), index);
    return {
      storage,
      // `Step`s, one after the other: the first of what a slot binds is its own.
      storageAndUniform: (name, bytes) => {
        const all = bytes + (this.#slots - 1) * SLOT_STEP_BYTES;
        const { buffer } = this.#pool(name, () => this.#set.storageAndUniform(name, all));
        return slice(buffer, index * SLOT_STEP_BYTES, bytes);
      },
      floats: (name, ...shape) => storage(name, floatBytes(shape)),
      filled: (name, values) => slice(this.#pool(name, () => this.#set.filled(name, values)).buffer),
    };
  }

  #range(name: string, size: number, index: number): BufferSlice {
    if (OWN.has(name)) {
      return slice(this.#pool(`${name} of slot ${index}`, () => this.#set.storage(name, size)).buffer);
    }
    const stride = Math.ceil(size / ALIGNMENT) * ALIGNMENT;
    const pool = this.#pool(name, () => this.#set.storage(name, stride * this.#slots), stride);
    return slice(pool.buffer, index * pool.stride, size);
  }

  #pool(name: string, make: () => GPUBuffer, stride = 0): { buffer: GPUBuffer; stride: number } {
    let pool = this.#pools.get(name);
    if (!pool) this.#pools.set(name, (pool = { buffer: make(), stride }));
    return pool;
  }
}
