import { BufferSet, type BufferSlice, slice } from '../gpu/buffers.ts';
import type { Gpu } from '../gpu/device.ts';
import type { Rope } from '../architecture/architecture.ts';

/** Bytes of the table of so many positions. */
export function ropeTableBytes(rope: Rope | null, positions: number): number {
  return rope ? positions * rope.dims * 4 : 8;
}

/**
 * cos and sin of position times inverse frequency, times the attention factor: (positions, dims/2, 2) f32.
 * The angle is rounded to f32 before the cosine, as transformers computes it: models were trained with these values.
 * @param from the first position of the table
 */
export function ropeTable(rope: Rope | null, positions: number, from = 0): Float32Array<ArrayBuffer> {
  if (!rope) return new Float32Array(2);
  const half = rope.dims / 2;
  const table = new Float32Array(positions * rope.dims);
  for (let position = 0; position < positions; position++) {
    for (let pair = 0; pair < half; pair++) {
      const angle = Math.fround((from + position) * Math.fround(rope.inverseFrequencies[pair]!));
      const at = (position * half + pair) * 2;
      table[at] = Math.cos(angle) * rope.attentionFactor;
      table[at + 1] = Math.sin(angle) * rope.attentionFactor;
    }
  }
  return table;
}

/** The table on the GPU, for as many positions as a sequence has room for: a long context takes it when it is used. */
export class RopeTable {
  readonly #gpu: Gpu;
  readonly #rope: Rope | null;
  readonly #set: BufferSet;
  readonly #buffer: GPUBuffer;
  #positions = 0;

  /** Allocates it; call inside `gpu.guarded`. `fill` writes it. */
  constructor(gpu: Gpu, rope: Rope | null, positions: number) {
    this.#gpu = gpu;
    this.#rope = rope;
    this.#set = new BufferSet(gpu.device, 'rope');
    this.#buffer = this.#set.storage('angles', ropeTableBytes(rope, positions));
  }

  /** (positions, dims/2) of cos and sin. */
  get angles(): BufferSlice {
    return slice(this.#buffer);
  }

  /** Bytes of GPU memory. */
  get bytes(): number {
    return this.#set.bytes;
  }

  /** Writes positions from those that it has up to `positions`. */
  fill(positions: number): void {
    const table = ropeTable(this.#rope, positions - this.#positions, this.#positions);
    const offset = this.#positions * (this.#rope?.dims ?? 0) * 4;
    this.#gpu.device.queue.writeBuffer(this.#buffer, offset, table);
    this.#positions = positions;
  }

  /** Another one, for more positions. @throws BambaError `out_of_memory`. */
  async longer(positions: number): Promise<RopeTable> {
    const other = await this.#gpu.guarded('growing the table of rotary angles', () => {
      return new RopeTable(this.#gpu, this.#rope, positions);
    });
    const encoder = this.#gpu.device.createCommandEncoder({ label: 'copy rope table' });
    encoder.copyBufferToBuffer(this.#buffer, 0, other.#buffer, 0, Math.min(this.#buffer.size, other.#buffer.size));
    this.#gpu.device.queue.submit([encoder.finish()]);
    other.#positions = this.#positions;
    other.fill(positions);
    return other;
  }

  /** Idempotent. */
  dispose(): void {
    this.#set.dispose();
  }
}
