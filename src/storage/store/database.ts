import type { DBSchema, IDBPDatabase, IDBPTransaction } from 'idb';
import type { BlobEntry, Manifest, PackageFile } from '../../weights/manifest.ts';
import type { Scheme } from '../../weights/types.ts';
import { abort, openDatabaseInTime, type OpenOptions } from './open-database.ts';
import { guard } from './storage-faults.ts';

// Packages in IndexedDB. A package is known by its address, with the scheme where it was made here. Its files and shards are
// kept by their hash, so that a newer version finds the unchanged ones again. An unfinished file or shard is kept in pieces
// until it is whole.

/** Where a package was made from, and what was there. */
export interface StoredOrigin {
  /** The options of `createEngine` that make it again. */
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
  /** The source of the pieces: equal names stand for equal bytes. */
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

export type Database = IDBPDatabase<Schema>;

/** The store of pieces and all others, for transactions that concern a whole package. */
const ALL = ['packages', 'conversions', 'blobs', 'blobSizes', 'pieces'] as const;

/** @throws BambaError `storage_unavailable`: no IndexedDB, denied, or held by another tab; `aborted`. */
export function openDatabase(name = 'bamba-web', options: OpenOptions = {}): Promise<Database> {
  return openDatabaseInTime<Schema>(
    name,
    VERSION,
    (database, from) => {
      if (from < 1) {
        database.createObjectStore('packages', { keyPath: 'url' });
        database.createObjectStore('blobs');
        database.createObjectStore('blobSizes');
      }
      if (from < 2) database.createObjectStore('conversions', { keyPath: 'id' });
      database.createObjectStore('pieces');
    },
    options,
  );
}

/** A transaction that writes. */
export type Writing = IDBPTransaction<Schema, typeof ALL, 'readwrite'>;

/**
 * Writes in one transaction, all of it or nothing: whatever fails in the middle takes back what came before. `work` waits
 * for each request before it makes the next, so that none fails unheard.
 * @param bytes that are written, for the error of a full disk
 * @throws BambaError `storage_unavailable`, `storage_full`.
 */
export function writeAtOnce(
  database: Database,
  work: (transaction: Writing) => Promise<void>,
  bytes = 0,
): Promise<void> {
  return guard(async () => {
    const transaction = database.transaction(ALL, 'readwrite');
    try {
      await work(transaction);
      await transaction.done;
    } catch (error) {
      abort(transaction);
      throw error;
    }
  }, bytes);
}

/** All keys [url, ...]: in IndexedDB's order an array comes after every string. */
export function rangeOf(url: string): IDBKeyRange {
  return IDBKeyRange.bound([url], [url, []]);
}

/** Blobs of a package by hash, its pieces, and what both take, at one moment. */
export async function contentsOf(
  database: Database,
  url: string,
): Promise<{ sizes: Map<string, number>; pieceBytes: number; storedBytes: number }> {
  return guard(async () => {
    const transaction = database.transaction(['blobSizes', 'pieces']);
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
