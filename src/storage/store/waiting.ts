import { throwIfAborted } from '../../weights/abort.ts';
import { type Locks, withLock } from './locks.ts';
import type { PackageProgress } from '../packages/progress.ts';

// Two tabs, one download: one holds the package's lock and tells on a channel how far it is, the others listen.

/** Where the tabs that want one package meet. Of no effect where the browser has no BroadcastChannel. */
export class ProgressChannel {
  #channel: BroadcastChannel | null;

  /** @param id of the package */
  constructor(id: string) {
    this.#channel = typeof BroadcastChannel === 'undefined' ? null : new BroadcastChannel(`bamba-web ${id}`);
  }

  /** Tells all other tabs. */
  tell(progress: PackageProgress): void {
    const port = this.#channel;
    port?.postMessage(progress);
  }

  /** Hears what another tab tells. */
  listen(hear: (progress: PackageProgress) => void): void {
    this.#channel?.addEventListener('message', ({ data }: MessageEvent<unknown>) => {
      if (isProgress(data)) hear(data);
    });
  }

  /** Idempotent; nothing is told from now on. */
  close(): void {
    this.#channel?.close();
    this.#channel = null;
  }
}

/** Name of the lock of whoever makes the package. */
export function conversionLock(id: string): string {
  return `bamba-web making ${id}`;
}

/**
 * Takes the lock of a package and returns what gives it back.
 * @param onWaiting told while another tab has it, with that tab's progress as soon as it is known
 * @throws BambaError `aborted`.
 */
export async function takeTurn(
  id: string,
  locks: Locks | null,
  channel: ProgressChannel,
  { signal, onWaiting }: { signal: AbortSignal | undefined; onWaiting: (progress: PackageProgress | null) => void },
): Promise<() => void> {
  throwIfAborted(signal);
  let waiting = true;
  channel.listen((progress) => {
    if (waiting) onWaiting(progress);
  });
  const told = setTimeout(() => {
    if (waiting) onWaiting(null);
  }, TELL_AFTER_MS);
  try {
    return await new Promise<() => void>((resolve, reject) => {
      withLock(locks, conversionLock(id), signal, () => new Promise<void>((release) => resolve(release))).catch(reject);
    });
  } finally {
    waiting = false;
    clearTimeout(told);
  }
}

/** A lock that is free is there sooner. */
const TELL_AFTER_MS = 100;

/** Other versions of this library may be talking. */
function isProgress(data: unknown): data is PackageProgress {
  const numbers = ['loaded', 'total', 'bytesPerSecond', 'secondsLeft'] as const;
  const fields = (data ?? {}) as Partial<Record<string, unknown>>;
  return (
    (fields['source'] === 'network' || fields['source'] === 'storage') &&
    numbers.every((name) => typeof fields[name] === 'number' && fields[name] >= 0)
  );
}
