import type { BambaError } from '../../errors.ts';
import { aborted } from '../../weights/abort.ts';
import { systemClock, withTimeout } from './clock.ts';
import { unavailable } from './storage-faults.ts';

/** The part of the Web Locks API that is needed. */
export interface Locks {
  request<T>(
    name: string,
    options: { signal?: AbortSignal; ifAvailable?: boolean },
    work: (lock: object | null) => Promise<T>,
  ): Promise<T>;
}

/** The browser's locks; null where there are none, and then nothing keeps two tabs apart. */
export function browserLocks(): Locks | null {
  return globalThis.navigator?.locks ?? null;
}

/**
 * Does `work` while no other tab of this site does work of the same name.
 * @throws BambaError `aborted` where `signal` ends the waiting.
 */
export async function withLock<T>(
  locks: Locks | null,
  name: string,
  signal: AbortSignal | undefined,
  work: () => Promise<T>,
): Promise<T> {
  let begun = false;
  const begin = () => {
    begun = true;
    return work();
  };
  try {
    return await (locks ? locks.request(name, signal ? { signal } : {}, begin) : begin());
  } catch (error) {
    if (begun) throw error;
    if (signal?.aborted) throw aborted(signal);
    // Sandboxed pages have the API but are refused its use.
    return work();
  }
}

/** A browser says at once whether a lock is free. */
const ANSWERS_WITHIN_MS = 10_000;

/**
 * Does `work` unless another tab holds the lock of this name; returns whether it did.
 * @param within milliseconds for the browser to say whether it is free
 * @throws BambaError `storage_unavailable` where it does not say.
 */
export async function withFreeLock(
  locks: Locks | null,
  name: string,
  work: () => Promise<void>,
  within = ANSWERS_WITHIN_MS,
): Promise<boolean> {
  let answered = (): void => {};
  const answer = new Promise<void>((resolve) => {
    answered = resolve;
  });
  let state: 'asked' | 'begun' | 'late' = 'asked';
  const begin = async (lock: object | null): Promise<boolean> => {
    if (state === 'late') return false;
    state = 'begun';
    answered();
    if (lock) await work();
    return lock !== null;
  };
  const silent = (): BambaError => {
    state = 'late';
    return unavailable(`it did not say within ${within / 1000} seconds whether another tab uses it`);
  };
  const done = locks ? locks.request(name, { ifAvailable: true }, begin) : begin({});
  try {
    await withTimeout(Promise.race([answer, done]), systemClock, within, silent);
    return await done;
  } catch (error) {
    if (state !== 'asked') throw error;
    // Sandboxed pages have the API but are refused its use.
    return begin({});
  }
}
