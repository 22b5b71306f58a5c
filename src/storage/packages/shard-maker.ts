import { BambaError } from '../../errors.ts';
import { abortable } from '../../weights/abort.ts';
import type { PackageStream, ShardsOptions } from '../../weights/package-stream.ts';

type Bytes = Uint8Array<ArrayBuffer>;

/**
 * Makes shards of a package in any order. Consecutive ones are made in one go, so that the checkpoint is read once, from its
 * beginning to its end.
 */
export class ShardMaker {
  readonly #stream: PackageStream;
  readonly #options: ShardsOptions;
  #run: { next: number; shards: AsyncGenerator<Bytes> } | null = null;
  /** One at a time: what was given up by its caller is finished first. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(stream: PackageStream, options: ShardsOptions) {
    this.#stream = stream;
    this.#options = options;
  }

  /**
   * Shard `index`.
   * @param end the shard before which the run that begins here will end
   * @throws what `PackageStream.shards` throws.
   */
  async make(index: number, end: number, signal?: AbortSignal): Promise<Bytes> {
    const made = this.#last.then(() => this.#make(index, end));
    this.#last = made.catch(() => {});
    return abortable(made, signal);
  }

  async #make(index: number, end: number): Promise<Bytes> {
    if (this.#run?.next !== index) {
      await this.#run?.shards.return(undefined);
      this.#run = { next: index, shards: this.#stream.shards(index, end, this.#options) };
    }
    const run = this.#run;
    this.#run = null;
    const { done, value } = await run.shards.next();
    if (done) throw new BambaError('checkpoint_invalid', `The package has no shard ${index}.`);
    if (index + 1 < end) this.#run = { next: index + 1, shards: run.shards };
    return value;
  }
}
