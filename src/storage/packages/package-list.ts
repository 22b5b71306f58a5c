import type { Scheme } from '../../weights/types.ts';
import { contentsOf, type Database, rangeOf, type StoredOrigin, writeAtOnce } from '../store/database.ts';
import { guard } from '../store/storage-faults.ts';
import { readConversion, readPackage, type ReadOrigin } from '../store/stored-records.ts';

// The part of the database that a page needs: the rest is for the worker that loads.

/** The store's facts about a package. */
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
  /** Bytes of it that are here, parts of another version included. */
  storedBytes: number;
  /** Whether it can be loaded without a network. */
  complete: boolean;
  /** Milliseconds since 1970. */
  savedAt: number;
  /** Set where its record cannot be read: there is nothing to do with it but to delete it. */
  damaged?: true;
}

/**
 * All packages that are here, in whole or in part. Those with a damaged record are among them, so that they can be deleted.
 * @throws BambaError `storage_unavailable`.
 */
export async function listPackages(database: Database): Promise<StoredPackage[]> {
  const packages = await guard(() => database.getAll('packages'));
  const conversions = await guard(() => database.getAll('conversions'));
  const ids = new Set(packages.map(({ url }) => url));
  // A package that is made anew is listed once, as what still works.
  const begun = conversions.filter(({ id }) => !ids.has(id));
  const listed = [
    ...packages.map((record) => describePackage(database, record.url, record)),
    ...begun.map((record) => describeConversion(database, record.id, record)),
  ];
  return (await Promise.all(listed)).filter(({ url }) => typeof url === 'string');
}

async function describePackage(database: Database, url: string, record: unknown): Promise<StoredPackage> {
  const read = readPackage(record);
  if (!read) return describeDamaged(database, url);
  const { manifest, savedAt, origin } = read;
  const { sizes, storedBytes } = await contentsOf(database, url);
  const entries = [...Object.values(manifest.files).filter((entry) => entry !== undefined), ...manifest.shards];
  const commit = manifest.source.revision;
  return {
    url,
    name: manifest.name,
    scheme: manifest.scheme,
    ...(commit !== undefined && { commit }),
    ...(origin && { origin: originOf(origin) }),
    totalBytes: entries.reduce((sum, { bytes }) => sum + bytes, 0),
    storedBytes: finite(storedBytes),
    complete: entries.every(({ sha256 }) => sizes.has(sha256)),
    savedAt,
  };
}

async function describeConversion(database: Database, id: string, record: unknown): Promise<StoredPackage> {
  const read = readConversion(record);
  if (!read) return describeDamaged(database, id);
  const { name, scheme, commit, origin, totalBytes, savedAt } = read;
  const storedBytes = finite((await contentsOf(database, id)).storedBytes);
  const facts = { url: id, name, scheme, origin: originOf(origin), totalBytes, storedBytes, complete: false, savedAt };
  return commit === undefined ? facts : { ...facts, commit };
}

/** By its key alone, which is where it came from. */
async function describeDamaged(database: Database, url: string): Promise<StoredPackage> {
  const storedBytes = finite((await contentsOf(database, url)).storedBytes);
  const facts = { url, name: url, scheme: 'int8', totalBytes: storedBytes, storedBytes } as const;
  return { ...facts, complete: false, savedAt: 0, damaged: true };
}

function originOf({ revision, endpoint, ...facts }: ReadOrigin): StoredOrigin {
  return { ...facts, ...(revision !== undefined && { revision }), ...(endpoint !== undefined && { endpoint }) };
}

/** Sizes of damaged records may be no numbers. */
function finite(bytes: number): number {
  return Number.isFinite(bytes) ? bytes : 0;
}

/**
 * Removes a package and all that belongs to it.
 * @throws BambaError `storage_unavailable`.
 */
export async function deletePackage(database: Database, url: string): Promise<void> {
  await writeAtOnce(database, async (transaction) => {
    await transaction.objectStore('packages').delete(url);
    await transaction.objectStore('conversions').delete(url);
    for (const store of ['pieces', 'blobs', 'blobSizes'] as const)
      await transaction.objectStore(store).delete(rangeOf(url));
  });
}
