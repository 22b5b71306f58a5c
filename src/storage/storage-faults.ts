import { BambaError } from '../errors.ts';

// What can be wrong with the browser's storage, in our words.

/** Runs a database operation and says in our words what went wrong. */
export async function guard<T>(operation: () => Promise<T>, bytes = 0): Promise<T> {
  try {
    return await operation();
  } catch (cause) {
    if ((cause as Error).name === 'QuotaExceededError') throw await storageFull(bytes, cause);
    throw unavailable((cause as Error).message, cause);
  }
}

/** The error for `needed` bytes that do not fit, with what is missing as far as the browser tells. */
export async function storageFull(needed: number, cause?: unknown): Promise<BambaError> {
  const { quota, usage } = (await storageEstimate()) ?? {};
  // The browser's figures are estimates: what it refused is missing in any case.
  const missing = quota === undefined || usage === undefined ? needed : Math.max(needed - (quota - usage), 0) || needed;
  return new BambaError(
    'storage_full',
    `The browser's storage for this site lacks ${(missing / 1e6).toFixed(1)} MB. ` +
      'Delete another model or free space on the disk, then load again: what is here already is kept.',
    { cause },
  );
}

/** `error`; where the disk is full, with what `needed` bytes, which are all that will come, lack. */
export async function fullFor(needed: number, error: unknown): Promise<unknown> {
  return error instanceof BambaError && error.code === 'storage_full' ? storageFull(needed, error.cause) : error;
}

/** What the browser lets this site store, where it says so. */
export async function storageEstimate(): Promise<StorageEstimate | null> {
  try {
    return (await globalThis.navigator?.storage?.estimate?.()) ?? null;
  } catch {
    return null;
  }
}

/** The error for a database that cannot be used. */
export function unavailable(reason: string, cause?: unknown): BambaError {
  return new BambaError(
    'storage_unavailable',
    `The browser's database cannot be used (${reason}). Leave private browsing or allow this site to store data.`,
    { cause },
  );
}
