import { BambaError } from '../../errors.ts';
import { openDatabase } from '../../storage/store/database.ts';
import { browserLocks, type Locks, withFreeLock } from '../../storage/store/locks.ts';
import { deletePackage, listPackages, type StoredPackage } from '../../storage/packages/package-list.ts';
import { conversionLock } from '../../storage/store/waiting.ts';
import type { StoredModel } from '../protocol.ts';

/**
 * The models that this browser keeps. It may give up any of them by itself, when space gets short.
 *
 * ```ts
 * for (const { name, bytes, complete } of await storedModels()) console.log(name, bytes, complete);
 * ```
 * @throws BambaError `storage_unavailable` where the browser denies its database.
 */
export async function storedModels(): Promise<StoredModel[]> {
  const database = await openDatabase();
  try {
    return (await listPackages(database)).map(describe);
  } finally {
    database.close();
  }
}

/**
 * Deletes a stored model, or what is there of it. One that is loaded goes on working until its page is closed.
 * @param id of `StoredModel`; one that is not there is deleted already
 * @throws BambaError `busy` while a tab is downloading it, `storage_unavailable`.
 */
export function deleteStoredModel(id: string): Promise<void> {
  return deleteUnlessLocked(id, browserLocks());
}

/** Deletes a stored model where no tab holds the lock of its download. @throws BambaError as `deleteStoredModel` */
export async function deleteUnlessLocked(id: string, locks: Locks | null): Promise<void> {
  const database = await openDatabase();
  try {
    const deleted = await withFreeLock(locks, conversionLock(id), () => deletePackage(database, id));
    if (!deleted) throw new BambaError('busy', 'A tab is downloading this model. Close that tab, then delete it.');
  } finally {
    database.close();
  }
}

function describe({ url, name, scheme, commit, origin, ...stored }: StoredPackage): StoredModel {
  return {
    id: url,
    name,
    model: origin?.model ?? url,
    ...(origin?.revision !== undefined && { revision: origin.revision }),
    ...(origin?.endpoint !== undefined && { endpoint: origin.endpoint }),
    dtype: scheme,
    ...(commit !== undefined && { commit }),
    bytes: stored.storedBytes,
    totalBytes: stored.totalBytes,
    complete: stored.complete,
    ...(stored.damaged && { damaged: stored.damaged }),
    savedAt: stored.savedAt,
  };
}
