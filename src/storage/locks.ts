import { aborted } from '../weights/abort.ts';

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

/** Does `work` unless another tab holds the lock of this name; returns whether it did. */
export async function withFreeLock(locks: Locks | null, name: string, work: () => Promise<void>): Promise<boolean> {
  const begin = async (lock: object | null) => {
    if (lock) await work();
    return lock !== null;
  };
  return locks ? locks.request(name, { ifAvailable: true }, begin) : begin({});
}
