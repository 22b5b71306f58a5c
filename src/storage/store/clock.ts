import { aborted, throwIfAborted } from '../../weights/abort.ts';

/** Time, as far as waiting needs it: the system's, or a test's that does not pass. */
export interface Clock {
  /** Milliseconds since 1970. */
  now(): number;
  /** @throws BambaError `aborted` as soon as `signal` is. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  sleep(ms, signal) {
    return new Promise((resolve, reject) => {
      throwIfAborted(signal);
      const end = () => {
        clearTimeout(timer);
        reject(aborted(signal as AbortSignal));
      };
      const timer = setTimeout(() => {
        signal?.removeEventListener('abort', end);
        resolve();
      }, ms);
      signal?.addEventListener('abort', end, { once: true });
    });
  },
};

/** Settles as `promise` does, or rejects with what `late` makes once `ms` have passed. */
export async function withTimeout<T>(promise: Promise<T>, clock: Clock, ms: number, late: () => Error): Promise<T> {
  const done = new AbortController();
  const timeout = clock.sleep(ms, done.signal).then(() => {
    throw late();
  });
  try {
    return await Promise.race([promise, timeout]);
  } finally {
    done.abort();
  }
}
