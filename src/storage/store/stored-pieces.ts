import type { Piece, PieceKeeper } from '../../weights/pieces.ts';
import type { PackageStore } from './store.ts';

/** Works with the store where there is one; null where there is none, or none any more. */
export type UseStore = <T>(operation: (store: PackageStore) => Promise<T>) => Promise<T | null>;

/**
 * Pieces in the store, of one unfinished thing of a package. One write is under way at a time, and nobody waits for it but
 * who comes with the next.
 *
 * A full disk is an error at once, though a load can do without the pieces. Their shard takes more room than they do, so the
 * rest of it would be downloaded in vain.
 */
export class StoredPieces implements PieceKeeper {
  readonly #use: UseStore;
  readonly #id: string;
  readonly #of: string;
  readonly #beside: (() => Promise<unknown>) | undefined;
  #last: Promise<unknown> = Promise.resolve();

  /**
   * @param of what the pieces are of, as `PieceRange` has it
   * @param beside keeps what belongs to the pieces, once they are kept
   */
  constructor(use: UseStore, id: string, of: string, beside?: () => Promise<unknown>) {
    this.#use = use;
    this.#id = id;
    this.#of = of;
    this.#beside = beside;
  }

  async *known(begin: number, end: number): AsyncGenerator<Piece> {
    const range = { of: this.#of, begin: 0, end };
    // One at a time: what is kept of a shard may be as large as the shard.
    for (const [first, last] of (await this.#use((store) => store.pieces(this.#id, range))) ?? []) {
      if (last <= begin) continue;
      const bytes = await this.#use((store) => store.piece(this.#id, this.#of, first, last));
      if (!bytes) return;
      yield { begin: first, bytes };
    }
  }

  /** @throws BambaError `storage_full`, also for the pieces before. */
  async keep(pieces: readonly Piece[]): Promise<void> {
    await this.#last;
    this.#last = this.#use((store) => store.putPieces(this.#id, this.#of, pieces)).then(() => this.#beside?.());
    // The next caller is told.
    this.#last.catch(() => {});
  }

  async settle(): Promise<void> {
    await this.#last;
  }

  /** Drops those that begin in [0, end). */
  async drop(end: number): Promise<void> {
    await this.#last;
    await this.#use((store) => store.dropPieces(this.#id, { of: this.#of, begin: 0, end }));
  }
}
