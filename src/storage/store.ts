import { type DBSchema, type IDBPDatabase, openDB } from 'idb';
import { BambaError } from '../errors.ts';
import { type BlobEntry, checkManifest, type Manifest, type PackageFile } from '../weights/manifest.ts';
import type { Piece } from '../weights/pieces.ts';
import { sha256Hex } from '../weights/sha256.ts';
import type { Scheme } from '../weights/types.ts';
import { packageEntries } from './package-entries.ts';
import { guard, unavailable } from './storage-faults.ts';

// Packages in IndexedDB. A package is known by the address it came from, with the scheme where it was made here; its files
// and shards are kept by their hash, so that a newer version of a package finds again what did not change. What has come of
// an unfinished file or shard is kept in pieces until it is whole.

/** Where a package was made from, and what was there. */
export interface StoredOrigin {
  /** What `createEngine` takes to make it again. */
  model: string;
  revision?: string;
  endpoint?: string;
  /** Of the files it was made from: changes whenever they may have. */
  version: string;
  /** Of the weights among them: what is made from equal ones is equal. */
  identity: string;
}

/** A package that is being made, or was when its tab was closed. */
export interface StoredConversion {
  id: string;
  name: string;
  scheme: Scheme;
  commit?: string;
  origin: StoredOrigin;
  /** Of the whole package. */
  totalBytes: number;
  /** Those that are stored. */
  shards: (BlobEntry | null)[];
  /** Text files that are stored, each with the identity of the file that it is. Records of earlier versions have none. */
  texts?: Partial<Record<PackageFile, { identity: string; entry: BlobEntry }>>;
  savedAt: number;
}

/** Which pieces belong to something that is unfinished: those of `of` that begin in [begin, end). */
export interface PieceRange {
  /** What the pieces are of: equal names stand for equal bytes. */
  of: string;
  begin: number;
  end: number;
}

/** [package, what it is of, begin, end]: sizes are known without reading any. */
type PieceKey = [id: string, of: string, begin: number, end: number];

interface Schema extends DBSchema {
  packages: { key: string; value: { url: string; manifest: Manifest; savedAt: number; origin?: StoredOrigin } };
  conversions: { key: string; value: StoredConversion };
  /** By [package, SHA-256]. */
  blobs: { key: [string, string]; value: ArrayBuffer };
  /** Bytes of each blob, written in the same transaction: sizes are known without reading any. */
  blobSizes: { key: [string, string]; value: number };
  /** With a hash, as there is none of what is unfinished. */
  pieces: { key: PieceKey; value: { bytes: ArrayBuffer; sha256: string } };
}

const VERSION = 3;

/** What the store knows of a package. */
export interface StoredPackage {
  url: string;
  name: string;
  scheme: Scheme;
  /** Of the checkpoint, where the package says so. */
  commit?: string;
  /** Where it was made from, if it was made here. */
  origin?: StoredOrigin;
  /** Of the whole package. */
  totalBytes: number;
  /** What is here of it, parts of another version included. */
  storedBytes: number;
  /** Whether it can be loaded without a network. */
  complete: boolean;
  /** Milliseconds since 1970. */
  savedAt: number;
}

/**
 * Models kept in the browser.
 *
 * ```ts
 * const store = await PackageStore.open();
 * for (const { url, storedBytes } of await store.list()) console.log(url, storedBytes);
 * ```
 * Methods throw BambaError `storage_unavailable` where the browser closed or denies the database, and `storage_full`.
 */
export class PackageStore {
  readonly #db: IDBPDatabase<Schema>;

  private constructor(db: IDBPDatabase<Schema>) {
    this.#db = db;
  }

  /** @throws BambaError `storage_unavailable`: no IndexedDB, or denied, as private windows may do. */
  static async open(name = 'bamba-web'): Promise<PackageStore> {
    if (typeof indexedDB === 'undefined') throw unavailable('this browser has no IndexedDB');
    try {
      const db = await openDB<Schema>(name, VERSION, {
        upgrade(database, from) {
          if (from < 1) {
            database.createObjectStore('packages', { keyPath: 'url' });
            database.createObjectStore('blobs');
            database.createObjectStore('blobSizes');
          }
          if (from < 2) database.createObjectStore('conversions', { keyPath: 'id' });
          database.createObjectStore('pieces');
        },
        // A newer version of the page waits for this one to let go.
        blocking: (_current, _blocked, event) => (event.target as IDBDatabase).close(),
      });
      return new PackageStore(db);
    } catch (cause) {
      throw unavailable((cause as Error).message, cause);
    }
  }

  /** The manifest stored for `url`; null where there is none that this version understands. */
  async manifest(url: string): Promise<Manifest | null> {
    const record = await guard(() => this.#db.get('packages', url));
    if (!record) return null;
    try {
      return checkManifest(record.manifest);
    } catch {
      return null;
    }
  }

  /** Stores the manifest of `url`, and leaves the blobs as they are. */
  async putManifest(url: string, manifest: Manifest): Promise<void> {
    await guard(() => this.#db.put('packages', { url, manifest, savedAt: Date.now() }));
  }

  /** Where the package of `url` was made from; null for one that was not made here. */
  async origin(url: string): Promise<StoredOrigin | null> {
    return (await guard(() => this.#db.get('packages', url)))?.origin ?? null;
  }

  /** The package that is being made under `id`. */
  async conversion(id: string): Promise<StoredConversion | null> {
    return (await guard(() => this.#db.get('conversions', id))) ?? null;
  }

  /** Begins a package, or takes note of what is stored of it. */
  async putConversion(conversion: StoredConversion): Promise<void> {
    await guard(() => this.#db.put('conversions', conversion));
  }

  /** Forgets the package that is being made under `id`, and drops what no package but it has. */
  async dropConversion(id: string): Promise<void> {
    const manifest = await this.manifest(id);
    const named = new Set(manifest ? packageEntries(manifest).map(({ sha256 }) => sha256) : []);
    await guard(async () => {
      const transaction = this.#db.transaction(['conversions', 'blobs', 'blobSizes', 'pieces'], 'readwrite');
      const writes: Promise<unknown>[] = [
        transaction.objectStore('conversions').delete(id),
        transaction.objectStore('pieces').delete(rangeOf(id)),
      ];
      for (const key of await transaction.objectStore('blobSizes').getAllKeys(rangeOf(id))) {
        if (named.has(key[1])) continue;
        writes.push(transaction.objectStore('blobs').delete(key), transaction.objectStore('blobSizes').delete(key));
      }
      await Promise.all([...writes, transaction.done]);
    });
  }

  /**
   * Makes `manifest` the one of `url`, ends its conversion, and drops all pieces and all blobs that it does not name, in one
   * transaction.
   */
  async commit(url: string, manifest: Manifest, origin?: StoredOrigin): Promise<void> {
    const named = new Set(packageEntries(manifest).map(({ sha256 }) => sha256));
    await guard(async () => {
      const transaction = this.#db.transaction(ALL, 'readwrite');
      const writes: Promise<unknown>[] = [
        transaction.objectStore('packages').put({ url, manifest, savedAt: Date.now(), ...(origin && { origin }) }),
        transaction.objectStore('conversions').delete(url),
        transaction.objectStore('pieces').delete(rangeOf(url)),
      ];
      for (const key of await transaction.objectStore('blobSizes').getAllKeys(rangeOf(url))) {
        if (named.has(key[1])) continue;
        writes.push(transaction.objectStore('blobs').delete(key), transaction.objectStore('blobSizes').delete(key));
      }
      await Promise.all([...writes, transaction.done]);
    });
  }

  /** Bytes of each blob of `url` that is here, by hash. */
  async blobSizes(url: string): Promise<Map<string, number>> {
    return (await this.#contents(url)).sizes;
  }

  /** Blobs by hash, pieces, and what both take, at one moment. */
  async #contents(url: string): Promise<{ sizes: Map<string, number>; pieceBytes: number; storedBytes: number }> {
    return guard(async () => {
      const transaction = this.#db.transaction(['blobSizes', 'pieces']);
      const [keys, bytes, pieces] = await Promise.all([
        transaction.objectStore('blobSizes').getAllKeys(rangeOf(url)),
        transaction.objectStore('blobSizes').getAll(rangeOf(url)),
        transaction.objectStore('pieces').getAllKeys(rangeOf(url)),
      ]);
      const sizes = new Map(keys.map(([, sha256], i) => [sha256, bytes[i] as number]));
      const pieceBytes = pieces.reduce((sum, [, , begin, end]) => sum + end - begin, 0);
      return { sizes, pieceBytes, storedBytes: bytes.reduce((sum, one) => sum + one, pieceBytes) };
    });
  }

  /** The blob, unverified; null where it is not here. */
  async blob(url: string, sha256: string): Promise<Uint8Array<ArrayBuffer> | null> {
    const buffer = await guard(() => this.#db.get('blobs', [url, sha256]));
    return buffer ? new Uint8Array(buffer) : null;
  }

  /**
   * Stores a blob under its hash, which the caller has verified, and with it what `conversion` now says of itself. `pieces`,
   * of which the blob is made, go in the same transaction; where there is no room for both, they go before, and come back
   * where that is not enough.
   */
  async putBlob(
    url: string,
    sha256: string,
    bytes: Uint8Array<ArrayBuffer>,
    { conversion, pieces }: { conversion?: StoredConversion | undefined; pieces?: PieceRange } = {},
  ): Promise<void> {
    const whole = bytes.byteLength === bytes.buffer.byteLength ? bytes.buffer : bytes.slice().buffer;
    const put = () =>
      guard(async () => {
        const transaction = this.#db.transaction(['conversions', 'blobs', 'blobSizes', 'pieces'], 'readwrite');
        await Promise.all([
          transaction.objectStore('blobs').put(whole, [url, sha256]),
          transaction.objectStore('blobSizes').put(bytes.length, [url, sha256]),
          conversion && transaction.objectStore('conversions').put(conversion),
          pieces && transaction.objectStore('pieces').delete(piecesIn(url, pieces)),
          transaction.done,
        ]);
      }, bytes.length);
    try {
      await put();
    } catch (error) {
      const full = error instanceof BambaError && error.code === 'storage_full';
      const kept = full && pieces ? await this.pieces(url, pieces) : [];
      if (!pieces || kept.length === 0) throw error;
      await this.dropPieces(url, pieces);
      await put().catch(async (second: unknown) => {
        for (const [begin, end] of kept) {
          const piece = bytes.slice(begin - pieces.begin, end - pieces.begin);
          await this.putPieces(url, pieces.of, [{ begin, bytes: piece }]);
        }
        throw second;
      });
    }
  }

  /** Where the pieces of `range` begin and end, in order. */
  async pieces(url: string, range: PieceRange): Promise<[begin: number, end: number][]> {
    const keys = await guard(() => this.#db.getAllKeys('pieces', piecesIn(url, range)));
    return keys.map(([, , begin, end]) => [begin, end]);
  }

  /** The piece [begin, end) of `of`; null where it is not here, or damaged. */
  async piece(url: string, of: string, begin: number, end: number): Promise<Uint8Array<ArrayBuffer> | null> {
    const found = await guard(() => this.#db.get('pieces', [url, of, begin, end]));
    if (!found) return null;
    const bytes = new Uint8Array(found.bytes);
    return (await sha256Hex(bytes)) === found.sha256 ? bytes : null;
  }

  /** Stores pieces of `of` in one transaction. */
  async putPieces(url: string, of: string, pieces: readonly Piece[]): Promise<void> {
    const hashes = await Promise.all(pieces.map(({ bytes }) => sha256Hex(bytes)));
    await guard(
      async () => {
        const transaction = this.#db.transaction('pieces', 'readwrite');
        const writes = pieces.map(({ begin, bytes }, i) => {
          const sha256 = hashes[i] as string;
          return transaction.store.put({ bytes: bytes.buffer, sha256 }, [url, of, begin, begin + bytes.length]);
        });
        await Promise.all([...writes, transaction.done]);
      },
      pieces.reduce((sum, { bytes }) => sum + bytes.length, 0),
    );
  }

  /** Drops the pieces of `range`. */
  async dropPieces(url: string, range: PieceRange): Promise<void> {
    await guard(() => this.#db.delete('pieces', piecesIn(url, range)));
  }

  /** Bytes of all pieces of `url`. */
  async pieceBytes(url: string): Promise<number> {
    return (await this.#contents(url)).pieceBytes;
  }

  /** Removes one blob, such as one that turned out to be damaged. */
  async deleteBlob(url: string, sha256: string): Promise<void> {
    await guard(async () => {
      const transaction = this.#db.transaction(['blobs', 'blobSizes'], 'readwrite');
      await Promise.all([
        transaction.objectStore('blobs').delete([url, sha256]),
        transaction.objectStore('blobSizes').delete([url, sha256]),
        transaction.done,
      ]);
    });
  }

  /** All packages that are here, in whole or in part. */
  async list(): Promise<StoredPackage[]> {
    const records = await guard(() => this.#db.getAll('packages'));
    const conversions = await guard(() => this.#db.getAll('conversions'));
    const packages = records.map(async ({ url, manifest, savedAt, origin }): Promise<StoredPackage> => {
      const { sizes, storedBytes } = await this.#contents(url);
      const entries = packageEntries(manifest);
      const commit = manifest.source.revision;
      return {
        url,
        name: manifest.name,
        scheme: manifest.scheme,
        ...(commit !== undefined && { commit }),
        ...(origin && { origin }),
        totalBytes: entries.reduce((sum, { bytes }) => sum + bytes, 0),
        storedBytes,
        complete: entries.every(({ sha256 }) => sizes.has(sha256)),
        savedAt,
      };
    });
    // A package that is made anew is listed once, as what still works.
    const known = new Set(records.map(({ url }) => url));
    const begun = conversions.filter(({ id }) => !known.has(id));
    return Promise.all([
      ...packages,
      ...begun.map(async ({ id, name, scheme, commit, origin, totalBytes, savedAt }): Promise<StoredPackage> => {
        const { storedBytes } = await this.#contents(id);
        const facts = { url: id, name, scheme, origin, totalBytes, storedBytes, complete: false, savedAt };
        return commit === undefined ? facts : { ...facts, commit };
      }),
    ]);
  }

  /** Removes a package and all that belongs to it. */
  async delete(url: string): Promise<void> {
    await guard(async () => {
      const transaction = this.#db.transaction(ALL, 'readwrite');
      await Promise.all([
        transaction.objectStore('packages').delete(url),
        transaction.objectStore('conversions').delete(url),
        transaction.objectStore('pieces').delete(rangeOf(url)),
        transaction.objectStore('blobs').delete(rangeOf(url)),
        transaction.objectStore('blobSizes').delete(rangeOf(url)),
        transaction.done,
      ]);
    });
  }

  close(): void {
    this.#db.close();
  }
}

const ALL = ['packages', 'conversions', 'blobs', 'blobSizes', 'pieces'] as const;

/** All keys [url, ...]: in IndexedDB's order an array comes after every string. */
function rangeOf(url: string): IDBKeyRange {
  return IDBKeyRange.bound([url], [url, []]);
}

function piecesIn(url: string, { of, begin, end }: PieceRange): IDBKeyRange {
  return IDBKeyRange.bound([url, of, begin], [url, of, end], false, true);
}
