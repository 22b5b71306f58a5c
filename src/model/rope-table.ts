import { type BufferMaker, BufferSet, type BufferSlice, slice } from '../gpu/buffers.ts';
import type { Gpu } from '../gpu/device.ts';
import type { AttentionShape, Rope } from '../architecture/architecture.ts';

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

/** How a model turns its heads: all of them, or some in a way of their own. */
type Ropes = Readonly<Partial<Pick<AttentionShape, 'rope' | 'localRope'>>>;

/** Buffers of the tables: of what turns all heads, or most of them, then of what turns the others. */
export function createRopeBuffers(
  set: BufferMaker,
  { rope = null, localRope }: Ropes,
  positions: number,
): RopeBuffer[] {
  return [rope, ...(localRope ? [localRope] : [])].map((one) => ({
    rope: one,
    buffer: set.storage('angles', ropeTableBytes(one, positions)),
  }));
}

interface RopeBuffer {
  rope: Rope | null;
  buffer: GPUBuffer;
}

/** The tables on the GPU, for as many positions as a sequence has room for: a long context takes them when it is used. */
export class RopeTable {
  readonly #gpu: Gpu;
  readonly #ropes: Ropes;
  readonly #set: BufferSet;
  readonly #tables: readonly RopeBuffer[];
  #positions = 0;

  /** Allocates them; call inside `gpu.guarded`. `fill` writes them. */
  constructor(gpu: Gpu, ropes: Ropes, positions: number) {
    this.#gpu = gpu;
    this.#ropes = ropes;
    this.#set = new BufferSet(gpu.device, 'rope');
    this.#tables = createRopeBuffers(this.#set, ropes, positions);
  }

  /** (positions, dims/2) of cos and sin. */
  get angles(): BufferSlice {
    return slice(this.#tables[0]!.buffer);
  }

  /** The same for blocks that turn in a way of their own; that of the others where there are no such. */
  get localAngles(): BufferSlice {
    return slice(this.#tables.at(-1)!.buffer);
  }

  /** Bytes of GPU memory. */
  get bytes(): number {
    return this.#set.bytes;
  }

  /** Writes positions from those that it has up to `positions`. */
  fill(positions: number): void {
    for (const { rope, buffer } of this.#tables) {
      const table = ropeTable(rope, positions - this.#positions, this.#positions);
      this.#gpu.device.queue.writeBuffer(buffer, this.#positions * (rope?.dims ?? 0) * 4, table);
    }
    this.#positions = positions;
  }

  /** Another one, for more positions. @throws BambaError `out_of_memory`. */
  async longer(positions: number): Promise<RopeTable> {
    const other = await this.#gpu.guarded('growing the table of rotary angles', () => {
      return new RopeTable(this.#gpu, this.#ropes, positions);
    });
    const encoder = this.#gpu.device.createCommandEncoder({ label: 'copy rope table' });
    for (const [index, { buffer }] of this.#tables.entries()) {
      const target = other.#tables[index]!.buffer;
      encoder.copyBufferToBuffer(buffer, 0, target, 0, Math.min(buffer.size, target.size));
    }
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
