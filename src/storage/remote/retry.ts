import { BambaError } from '../../errors.ts';
import type { Clock } from '../store/clock.ts';

/** A failure that may pass: `Retry` tries again. A failure that it gives up on becomes an error that does not pass. */
export class TransientFault extends BambaError {
  /** The pause that the server asked for. */
  readonly retryAfterMs: number;

  /** @param options `cause` is what it was made of */
  constructor(message: string, { retryAfterMs = 0, ...options }: { cause?: unknown; retryAfterMs?: number } = {}) {
    super('network', message, options);
    this.retryAfterMs = retryAfterMs;
  }
}

/** An answer that ended before it should. */
export class CutFault extends TransientFault {}

/** Half a minute, and less where there is no answer at all. */
const ATTEMPTS = 6;
const FIRST_PAUSE_MS = 500;
/** A server that asks for more than this is not waited for. */
const MOST_PAUSE_MS = 120_000;

export interface RetryOptions {
  clock: Clock;
  signal: AbortSignal | undefined;
  /** Told before each pause, with a sentence for people. */
  onWait: (message: string) => void;
  /** How often to try without success, one time after the other. */
  attempts?: number;
}

/** Decides whether to try again, and waits before it: twice as long each time, or as long as the server asks. */
export class Retry {
  readonly #options: RetryOptions;
  #failures = 0;

  constructor(options: RetryOptions) {
    this.#options = options;
  }

  /** Something came: what failed before no longer counts. */
  succeeded(): void {
    this.#failures = 0;
  }

  /** Returns when it is time for the next attempt. @throws what cannot pass, or did not in all attempts; `aborted`. */
  async after(fault: unknown): Promise<void> {
    if (!(fault instanceof TransientFault)) throw fault;
    const { clock, signal, onWait, attempts = ATTEMPTS } = this.#options;
    this.#failures++;
    const pause = Math.max(FIRST_PAUSE_MS * 2 ** (this.#failures - 1), fault.retryAfterMs);
    if (this.#failures >= attempts || pause > MOST_PAUSE_MS) {
      // A caller with attempts of its own does not begin them anew.
      throw new BambaError(fault.code, fault.message, { cause: fault.cause });
    }
    onWait(`${fault.message} Trying again in ${Math.ceil(pause / 1000)} s.`);
    await clock.sleep(pause, signal);
  }
}

/** Milliseconds of a Retry-After header: seconds, or a date. 0 where there is none that makes sense. */
export function pauseAskedFor(header: string | null, clock: Clock): number {
  if (header === null) return 0;
  const seconds = /^\d+$/.test(header.trim()) ? Number(header) : (Date.parse(header) - clock.now()) / 1000;
  return seconds > 0 ? seconds * 1000 : 0;
}
