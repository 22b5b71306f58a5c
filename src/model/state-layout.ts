import { type BufferSlice, BufferTally } from '../gpu/buffers.ts';

/** A buffer of a state, as far as it is in use: what it is called, and what is in it. */
export interface StateBuffer {
  /** With its block: `block 3 / ssm`. */
  readonly name: string;
  /** Of its values; `u8` where only their bytes are known. */
  readonly type: string;
  readonly shape: readonly number[];
  /** A multiple of 4. */
  readonly bytes: number;
}

/**
 * Notes what would be allocated, without a device. Layouts come from the very code that allocates, so that neither can
 * say anything that the other does not know.
 */
export class LayoutMaker extends BufferTally {
  readonly #noted = new Map<unknown, StateBuffer>();

  override storage(name: string, bytes: number): GPUBuffer {
    return this.#note(super.storage(name, bytes), { name, type: 'u8', shape: [bytes], bytes: wholeWords(bytes) });
  }

  override floats(name: string, ...shape: number[]): GPUBuffer {
    const bytes = shape.reduce((product, size) => product * size, 4);
    return this.#note(super.storage(name, bytes), { name, type: 'f32', shape, bytes });
  }

  #note(buffer: GPUBuffer, noted: StateBuffer): GPUBuffer {
    this.#noted.set(buffer, noted);
    return buffer;
  }

  /** What was noted of the members of `noted`, each with the member of `real` in the same place. */
  match<Kept extends object>(noted: Kept, real: Kept): [StateBuffer, BufferSlice | undefined][] {
    return Object.entries(noted).flatMap(([name, value]: [string, unknown]) => {
      const other = (real as Record<string, unknown>)[name];
      const buffer = this.#noted.get((value as BufferSlice | undefined)?.buffer);
      if (buffer) return [[buffer, other as BufferSlice | undefined] as [StateBuffer, BufferSlice | undefined]];
      return typeof value === 'object' && value !== null ? this.match(value, other ?? {}) : [];
    });
  }
}

/** Copies take whole words. */
function wholeWords(bytes: number): number {
  return Math.ceil(bytes / 4) * 4;
}
