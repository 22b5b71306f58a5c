import type { Locks } from '../../storage/store/locks.ts';

/** Gives a lock back. Idempotent. */
export type LetGo = () => void;

/**
 * Waits for a lock, and holds it until it is given back, or this page or worker is gone.
 * @param signal takes the wish back; a lock that is held already stays held
 * @returns what gives it back; rejects where the browser gives none, or `signal` came first
 */
export function holdLock(locks: Locks, name: string, signal: AbortSignal): Promise<LetGo> {
  return new Promise((resolve, reject) => {
    const hold = (): Promise<void> =>
      new Promise((release) => {
        resolve(() => release());
      });
    locks.request(name, { signal }, hold).catch(reject);
  });
}
