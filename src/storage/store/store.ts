import { BambaError } from '../../errors.ts';
import { checkManifest, type Manifest } from '../../weights/manifest.ts';
import type { Piece } from '../../weights/pieces.ts';
import { sha256Hex } from '../../weights/sha256.ts';
import {
  contentsOf,
  type Database,
  openDatabase,
  type PieceRange,
  rangeOf,
  type StoredConversion,
  type StoredOrigin,
  writeAtOnce,
  type Writing,
} from './database.ts';
import type { OpenOptions } from './open-database.ts';
import { packageEntries } from '../packages/package-entries.ts';
import { deletePackage } from '../packages/package-list.ts';
import { guard } from './storage-faults.ts';

/**
 * Models kept in the browser.
 *
 * ```ts
 * const store = await PackageStore.open();
 * const bytes = await store.blob(url, sha256);
 * ```
 * Methods throw BambaError `storage_unavailable` where the browser closed or denies the database, and `storage_full`.
 */
export class PackageStore {
  readonly database: Database;

  private constructor(database: Database) {
    this.database = database;
  }

  /** @throws BambaError `storage_unavailable`: no IndexedDB, denied, or held by another tab; `aborted`. */
  static async open(name?: string, options: OpenOptions = {}): Promise<PackageStore> {
    return new PackageStore(await openDatabase(name, options));
  }

  /** The manifest stored for `url`; null where there is none that this version understands. */
  async manifest(url: string): Promise<Manifest | null> {
    const record = await guard(() => this.database.get('packages', url));
    if (!record) return null;
    try {
      return checkManifest(record.manifest);
    } catch {
      return null;
    }
  }

  /** Stores the manifest of `url`, and leaves the blobs as they are. */
  async putManifest(url: string, manifest: Manifest): Promise<void> {
    await guard(() => this.database.put('packages', { url, manifest, savedAt: Date.now() }));
  }

  /** Where the package of `url` was made from; null for one that was not made here. */
  async origin(url: string): Promise<StoredOrigin | null> {
    return (await guard(() => this.database.get('packages', url)))?.origin ?? null;
  }

  /** The package that is being made under `id`. */
  async conversion(id: string): Promise<StoredConversion | null> {
    return (await guard(() => this.database.get('conversions', id))) ?? null;
  }

  /** Begins a package, or takes note of what is stored of it. */
  async putConversion(conversion: StoredConversion): Promise<void> {
    await guard(() => this.database.put('conversions', conversion));
  }

  /** Forgets the package that is being made under `id`, and drops what no package but it has. */
  async dropConversion(id: string): Promise<void> {
    const manifest = await this.manifest(id);
    const named = new Set(manifest ? packageEntries(manifest).map(({ sha256 }) => sha256) : []);
    await writeAtOnce(this.database, async (transaction) => {
      await transaction.objectStore('conversions').delete(id);
      await transaction.objectStore('pieces').delete(rangeOf(id));
      await dropBlobsBut(named, id, transaction);
    });
  }

  /**
   * Makes `manifest` the one of `url`, ends its conversion, and drops all pieces and all blobs that it does not name, in one
   * transaction.
   */
  async commit(url: string, manifest: Manifest, origin?: StoredOrigin): Promise<void> {
    const named = new Set(packageEntries(manifest).map(({ sha256 }) => sha256));
    await writeAtOnce(this.database, async (transaction) => {
      const record = { url, manifest, savedAt: Date.now(), ...(origin && { origin }) };
      await transaction.objectStore('packages').put(record);
      await transaction.objectStore('conversions').delete(url);
      await transaction.objectStore('pieces').delete(rangeOf(url));
      await dropBlobsBut(named, url, transaction);
    });
  }

  /** Bytes of each blob of `url` that is here, by hash. */
  async blobSizes(url: string): Promise<Map<string, number>> {
    return (await contentsOf(this.database, url)).sizes;
  }

  /** The blob, unverified; null where it is not here. */
  async blob(url: string, sha256: string): Promise<Uint8Array<ArrayBuffer> | null> {
    const buffer = await guard(() => this.database.get('blobs', [url, sha256]));
    return buffer ? new Uint8Array(buffer) : null;
  }

  /**
   * Stores a blob under its hash, which the caller has verified, and with it what `conversion` now says of itself. The
   * blob's `pieces` go in the same transaction. Where there is no room for both, they go before, and come back where that is
   * not enough.
   */
  async putBlob(
    url: string,
    sha256: string,
    bytes: Uint8Array<ArrayBuffer>,
    { conversion, pieces }: { conversion?: StoredConversion | undefined; pieces?: PieceRange } = {},
  ): Promise<void> {
    const whole = bytes.byteLength === bytes.buffer.byteLength ? bytes.buffer : bytes.slice().buffer;
    const work = async (transaction: Writing): Promise<void> => {
      await transaction.objectStore('blobs').put(whole, [url, sha256]);
      await transaction.objectStore('blobSizes').put(bytes.length, [url, sha256]);
      if (conversion) await transaction.objectStore('conversions').put(conversion);
      if (pieces) await transaction.objectStore('pieces').delete(piecesIn(url, pieces));
    };
    const put = () => writeAtOnce(this.database, work, bytes.length);
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
    const keys = await guard(() => this.database.getAllKeys('pieces', piecesIn(url, range)));
    return keys.map(([, , begin, end]) => [begin, end]);
  }

  /** The piece [begin, end) of `of`; null where it is not here, or damaged. */
  async piece(url: string, of: string, begin: number, end: number): Promise<Uint8Array<ArrayBuffer> | null> {
    const found = await guard(() => this.database.get('pieces', [url, of, begin, end]));
    if (!found) return null;
    const bytes = new Uint8Array(found.bytes);
    return (await sha256Hex(bytes)) === found.sha256 ? bytes : null;
  }

  /** Stores pieces of `of` in one transaction. */
  async putPieces(url: string, of: string, pieces: readonly Piece[]): Promise<void> {
    const hashes = await Promise.all(pieces.map(({ bytes }) => sha256Hex(bytes)));
    const total = pieces.reduce((sum, { bytes }) => sum + bytes.length, 0);
    const work = async (transaction: Writing): Promise<void> => {
      for (const [i, { begin, bytes }] of pieces.entries()) {
        const piece = { bytes: bytes.buffer, sha256: hashes[i] as string };
        await transaction.objectStore('pieces').put(piece, [url, of, begin, begin + bytes.length]);
      }
    };
    await writeAtOnce(this.database, work, total);
  }

  /** Drops the pieces of `range`. */
  async dropPieces(url: string, range: PieceRange): Promise<void> {
    await guard(() => this.database.delete('pieces', piecesIn(url, range)));
  }

  /** Bytes of all pieces of `url`. */
  async pieceBytes(url: string): Promise<number> {
    return (await contentsOf(this.database, url)).pieceBytes;
  }

  /** Removes one blob, such as one that turned out to be damaged. */
  async deleteBlob(url: string, sha256: string): Promise<void> {
    await writeAtOnce(this.database, async (transaction) => {
      await transaction.objectStore('blobs').delete([url, sha256]);
      await transaction.objectStore('blobSizes').delete([url, sha256]);
    });
  }

  /** Removes a package and all that belongs to it. */
  async delete(url: string): Promise<void> {
    await deletePackage(this.database, url);
  }

  close(): void {
    this.database.close();
  }
}

function piecesIn(url: string, { of, begin, end }: PieceRange): IDBKeyRange {
  return IDBKeyRange.bound([url, of, begin], [url, of, end], false, true);
}

/** Drops what `url` has of blobs that are not named. */
async function dropBlobsBut(named: ReadonlySet<string>, url: string, transaction: Writing): Promise<void> {
  for (const key of await transaction.objectStore('blobSizes').getAllKeys(rangeOf(url))) {
    if (named.has(key[1])) continue;
    await transaction.objectStore('blobs').delete(key);
    await transaction.objectStore('blobSizes').delete(key);
  }
}
