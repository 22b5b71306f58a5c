import { BambaError } from '../../errors.ts';
import { systemClock, withTimeout } from './clock.ts';

// The faults of the browser's storage, in our words.

/** A slow disk takes seconds for a shard. A call that takes longer waits for another tab, or for ever. */
export const ANSWERS_WITHIN_MS = 60_000;

/**
 * Runs a database operation and says in our words what went wrong.
 * @param within milliseconds that it may take
 * @throws BambaError `storage_unavailable`, `storage_full`.
 */
export async function guard<T>(operation: () => Promise<T>, bytes = 0, within = ANSWERS_WITHIN_MS): Promise<T> {
  try {
    return await withTimeout(operation(), systemClock, within, () => silent(within));
  } catch (cause) {
    if (cause instanceof BambaError) throw cause;
    if ((cause as Error).name === 'QuotaExceededError') throw await storageFull(bytes, cause);
    throw unavailable(reasonOf(cause), cause);
  }
}

function silent(ms: number): BambaError {
  return new BambaError(
    'storage_unavailable',
    `The browser's database did not answer for ${ms / 1000} seconds; it may be that another tab of this site holds it. ` +
      'Close the other tabs of this site, or restart the browser, then load again.',
  );
}

/** Why a database refuses, where the browser's own words do not help. */
export function reasonOf(cause: unknown): string {
  const { name, message } = cause as Error;
  if (name === 'VersionError') return 'a newer version of this page has changed it: reload the page';
  if (name === 'InvalidStateError') {
    return 'the browser closed it, as it does for a newer version in another tab or when the data of this site is cleared: reload the page';
  }
  return message || name;
}

/** The sentence for people where a load goes on although storage fails. */
export function goesOnWithout({ message }: BambaError): string {
  return `${message} Loading goes on, but nothing is kept.`;
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

const ESTIMATES_WITHIN_MS = 5000;

/** The storage that the browser gives this site, where it says so. */
export async function storageEstimate(): Promise<StorageEstimate | null> {
  try {
    const { storage } = globalThis.navigator ?? {};
    if (!storage?.estimate) return null;
    // It is of use only, not needed.
    return await withTimeout(storage.estimate(), systemClock, ESTIMATES_WITHIN_MS, () => silent(ESTIMATES_WITHIN_MS));
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
