import { BambaError } from '../errors.ts';

/** @throws BambaError `aborted` once `signal` is aborted. */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw aborted(signal);
}

/** The error of an operation that `signal` ended. */
export function aborted(signal: AbortSignal): BambaError {
  return new BambaError('aborted', 'Loading was aborted. Load the model again to go on where it stopped.', {
    cause: signal.reason,
  });
}

/** Settles as `promise` does, or rejects with `aborted` as soon as `signal` is aborted. */
export async function abortable<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  // Once it is not waited for any more, its failure is nobody's.
  promise.catch(() => {});
  throwIfAborted(signal);
  if (!signal) return promise;
  return new Promise<T>((resolve, reject) => {
    const abort = () => reject(aborted(signal));
    signal.addEventListener('abort', abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}
