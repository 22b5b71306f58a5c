import { BambaError } from '../../errors.ts';
import type { BlobEntry } from '../../weights/manifest.ts';
import { verifyBlob } from '../packages/download.ts';
import { fullFor, goesOnWithout } from './storage-faults.ts';
import type { PackageStore } from './store.ts';

/** Files and shards of one package in the store, for as long as the store is of use. */
export class StoredBlobs {
  readonly #id: string;
  readonly #lacking: () => number;
  readonly #onGone: (message: string) => void;
  /** Null once the store turned out to be of no use. */
  #store: PackageStore | null;

  /**
   * @param options.lacking bytes of the package that are not stored, pieces not counted: for the error of a full disk
   * @param options.onGone told in a sentence when the store turns out to be of no use
   */
  constructor(
    store: PackageStore | null,
    id: string,
    { lacking, onGone }: { lacking: () => number; onGone: (message: string) => void },
  ) {
    this.#store = store;
    this.#id = id;
    this.#lacking = lacking;
    this.#onGone = onGone;
  }

  /** Whether there is a store, and it is of use. */
  get kept(): boolean {
    return this.#store !== null;
  }

  /**
   * Works with the store; from the first failure on without it, which gives null.
   * @throws BambaError `storage_full`: that is for the caller to know.
   */
  readonly use = async <T>(operation: (store: PackageStore) => Promise<T>): Promise<T | null> => {
    if (!this.#store) return null;
    try {
      return await operation(this.#store);
    } catch (error) {
      const gone = error instanceof BambaError && error.code === 'storage_unavailable';
      if (!gone) throw await fullFor(this.#lacking(), error);
      this.#store = null;
      this.#onGone(goesOnWithout(error));
      return null;
    }
  };

  /** The bytes under the entry's hash, if they are whole. Damaged ones are deleted, and the result is null. */
  async read(entry: BlobEntry): Promise<Uint8Array<ArrayBuffer> | null> {
    const bytes = await this.use((store) => store.blob(this.#id, entry.sha256));
    if (!bytes) return null;
    try {
      await verifyBlob(bytes, entry);
      return bytes;
    } catch {
      await this.use((store) => store.deleteBlob(this.#id, entry.sha256));
      return null;
    }
  }
}
