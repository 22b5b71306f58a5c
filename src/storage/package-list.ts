import type { Scheme } from '../weights/types.ts';
import { ALL, contentsOf, type Database, rangeOf, type StoredOrigin } from './database.ts';
import { packageEntries } from './package-entries.ts';
import { guard } from './storage-faults.ts';

// What a page needs of the database: the rest is for the worker that loads.

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
 * All packages that are here, in whole or in part.
 * @throws BambaError `storage_unavailable`.
 */
export async function listPackages(database: Database): Promise<StoredPackage[]> {
  const records = await guard(() => database.getAll('packages'));
  const conversions = await guard(() => database.getAll('conversions'));
  const packages = records.map(async ({ url, manifest, savedAt, origin }): Promise<StoredPackage> => {
    const { sizes, storedBytes } = await contentsOf(database, url);
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
      const { storedBytes } = await contentsOf(database, id);
      const facts = { url: id, name, scheme, origin, totalBytes, storedBytes, complete: false, savedAt };
      return commit === undefined ? facts : { ...facts, commit };
    }),
  ]);
}

/**
 * Removes a package and all that belongs to it.
 * @throws BambaError `storage_unavailable`.
 */
export async function deletePackage(database: Database, url: string): Promise<void> {
  await guard(async () => {
    const transaction = database.transaction(ALL, 'readwrite');
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
