import { type BlobEntry, SHARD_BYTES } from './manifest.ts';
import { sha256Hex } from './sha256.ts';

/** Where a package goes: a folder, a database, memory. The array may be kept. */
export interface PackageSink {
  write(file: string, bytes: Uint8Array<ArrayBuffer>): Promise<void>;
}

/** Name of shard `index`: `shard-0000.bin`. */
export function shardFile(index: number): string {
  return `shard-${String(index).padStart(4, '0')}.bin`;
}

/** Cuts a stream of bytes into shards, hashes each and hands it to the sink. Holds one shard. */
export class ShardWriter {
  readonly #sink: PackageSink;
  readonly #shards: BlobEntry[] = [];
  #current = new Uint8Array(SHARD_BYTES);
  #filled = 0;

  constructor(sink: PackageSink) {
    this.#sink = sink;
  }

  /** Bytes written so far. */
  get position(): number {
    return this.#shards.length * SHARD_BYTES + this.#filled;
  }

  async write(bytes: Uint8Array): Promise<void> {
    for (let done = 0; done < bytes.length;) {
      const part = bytes.subarray(done, done + SHARD_BYTES - this.#filled);
      this.#current.set(part, this.#filled);
      this.#filled += part.length;
      done += part.length;
      if (this.#filled === SHARD_BYTES) await this.#flush();
    }
  }

  /** Writes padding. */
  async zeros(length: number): Promise<void> {
    await this.write(new Uint8Array(length));
  }

  /** Writes the last shard, and says what was written. */
  async end(): Promise<BlobEntry[]> {
    if (this.#filled > 0) await this.#flush();
    return this.#shards;
  }

  async #flush(): Promise<void> {
    const bytes = this.#filled === SHARD_BYTES ? this.#current : this.#current.slice(0, this.#filled);
    const file = shardFile(this.#shards.length);
    await this.#sink.write(file, bytes);
    this.#shards.push({ file, bytes: bytes.length, sha256: await sha256Hex(bytes) });
    // A new array: the sink may have kept this one.
    this.#current = new Uint8Array(SHARD_BYTES);
    this.#filled = 0;
  }
}
