import { BambaError } from '../../errors.ts';
import type { CheckpointFiles } from '../remote/checkpoint-files.ts';
import type { PackageStore } from './store.ts';

/**
 * How far the files of a checkpoint are hashed, in the store beside their pieces. So an interrupted load that goes on is
 * compared with the server's hashes as any other. Where the store fails, it is only forgotten.
 */
export class StoredHashes {
  readonly #files: CheckpointFiles;
  readonly #store: PackageStore | null;
  readonly #id: string;
  readonly #of: string;

  /** @param identity of the checkpoint: hashes of another are of no use */
  constructor(files: CheckpointFiles, store: PackageStore | null, id: string, identity: string) {
    this.#files = files;
    this.#store = store;
    this.#id = id;
    this.#of = `hashes of ${identity}`;
  }

  async keep(): Promise<void> {
    const bytes = this.#files.saveHashes?.();
    if (!bytes) return;
    await this.#try((store) => store.putPieces(this.#id, this.#of, [{ begin: 0, bytes }]));
  }

  async restore(): Promise<void> {
    const saved = await this.#try(async (store) => {
      // Of several, the longest is the last: more files were begun.
      const [, end] = (await store.pieces(this.#id, { of: this.#of, begin: 0, end: 1 })).at(-1) ?? [0, 0];
      return end > 0 ? store.piece(this.#id, this.#of, 0, end) : null;
    });
    if (saved) this.#files.restoreHashes?.(saved);
  }

  async #try<T>(operation: (store: PackageStore) => Promise<T>): Promise<T | null> {
    if (!this.#store || !this.#files.saveHashes) return null;
    try {
      return await operation(this.#store);
    } catch (error) {
      if (error instanceof BambaError) return null;
      throw error;
    }
  }
}
