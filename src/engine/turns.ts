import { BambaError } from '../errors.ts';

/** How somebody waits for a turn. */
export interface TurnOptions {
  /** Takes it out of the queue. */
  signal?: AbortSignal | undefined;
  /** Whether it waits at all. Default true. */
  queue?: boolean | undefined;
}

/** The turns of requests for a thing that one at a time may use: first come, first served. */
export class Turns {
  /** Each takes the turn over, or hears why there is none. */
  readonly #waiting: { begin: () => void; refuse: (error: BambaError) => void }[] = [];
  #taken = false;
  #ended: BambaError | null = null;

  /**
   * Waits for the turn.
   * @returns what gives it to the next one; it may be called twice
   * @throws BambaError `busy` where another has it and `queue` is false; `aborted`; why there are no turns any more
   */
  async take({ signal, queue = true }: TurnOptions = {}): Promise<() => void> {
    if (this.#ended) throw this.#ended;
    if (this.#taken) {
      if (!queue) {
        throw new BambaError('busy', 'The engine is busy with another request. Wait for its end, or abort it.');
      }
      await this.#wait(signal);
    }
    this.#taken = true;
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      this.#taken = false;
      const next = this.#waiting.shift();
      if (!next) return;
      // Taken before the next one runs: nobody comes in between.
      this.#taken = true;
      next.begin();
    };
  }

  /** Refuses all who wait, and all who come later. The holder of the turn keeps it. */
  end(reason: BambaError): void {
    this.#ended ??= reason;
    for (const { refuse } of this.#waiting.splice(0)) refuse(reason);
  }

  #wait(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const leave = (): void => signal?.removeEventListener('abort', takeBack);
      const waiter = {
        begin: () => {
          leave();
          resolve();
        },
        refuse: (error: BambaError) => {
          leave();
          reject(error);
        },
      };
      const takeBack = (): void => {
        const place = this.#waiting.indexOf(waiter);
        if (place >= 0) this.#waiting.splice(place, 1);
        waiter.refuse(takenBack());
      };
      if (signal?.aborted) {
        waiter.refuse(takenBack());
        return;
      }
      signal?.addEventListener('abort', takeBack);
      this.#waiting.push(waiter);
    });
  }
}

/** The error of a request that was aborted before it began. */
export function takenBack(): BambaError {
  return new BambaError('aborted', 'The request was taken back before it began.');
}
