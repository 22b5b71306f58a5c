import { BambaError } from '../errors.ts';

/** How somebody waits for a turn. */
export interface TurnOptions {
  /** Takes it out of the queue. */
  signal?: AbortSignal | undefined;
  /** Whether it goes beside others, or waits for them at all. Default true. */
  queue?: boolean | undefined;
  /** Whether nobody else may have a turn at the same time. Default false. */
  alone?: boolean | undefined;
  /** Whether it comes before all who wait. Default false. */
  first?: boolean | undefined;
}

/** Somebody who waits for a turn. */
interface Waiter<Options> {
  readonly options: Options;
  /** Takes the turn over, or hears why there is none. */
  readonly begin: () => void;
  readonly refuse: (error: BambaError) => void;
}

/** The turns of requests for a thing that one at a time may use, or a few: first come, first served. */
export class Turns<Options extends TurnOptions = TurnOptions> {
  readonly #waiting: Waiter<Options | TurnOptions>[] = [];
  readonly #most: () => number;
  #taken = 0;
  #alone = false;
  #ended: BambaError | null = null;

  /** @param most how many may have a turn at once; it is asked whenever that matters */
  constructor(most: () => number = () => 1) {
    this.#most = most;
  }

  /** How many have a turn. */
  get taken(): number {
    return this.#taken;
  }

  /** What the next one asked for; undefined where nobody waits. */
  get next(): Options | TurnOptions | undefined {
    return this.#waiting[0]?.options;
  }

  /**
   * Waits for the turn.
   * @returns what gives it to the next one; it may be called twice
   * @throws BambaError `busy` where another has one and `queue` is false; `aborted`; why there are no turns any more
   */
  async take(options: Options | TurnOptions = {}): Promise<() => void> {
    if (this.#ended) throw this.#ended;
    if (options.queue === false && this.#taken > 0) throw busy(this.#taken);
    const isNext = options.first || this.#waiting.length === 0;
    if (isNext && this.#fits(options)) this.#begin(options);
    else await this.#wait(options);
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      this.#taken--;
      this.#alone = false;
      this.#serve();
    };
  }

  /** Refuses all who wait, and all who come later. The holders of turns keep them. */
  end(reason: BambaError): void {
    this.#ended ??= reason;
    for (const { refuse } of this.#waiting.splice(0)) refuse(reason);
  }

  /** Looks whether somebody who waits has a turn by now: there may be more of them. */
  look(): void {
    this.#serve();
  }

  #fits({ alone }: TurnOptions): boolean {
    return alone ? this.#taken === 0 : !this.#alone && this.#taken < Math.max(1, this.#most());
  }

  #begin({ alone = false }: TurnOptions): void {
    this.#taken++;
    this.#alone = alone;
  }

  /** A turn is taken before whoever has it runs: nobody comes in between. */
  #serve(): void {
    for (let [next] = this.#waiting; next && this.#fits(next.options); [next] = this.#waiting) {
      this.#waiting.shift();
      this.#begin(next.options);
      next.begin();
    }
  }

  #wait(options: Options | TurnOptions): Promise<void> {
    const { signal, first } = options;
    return new Promise((resolve, reject) => {
      const leave = (): void => signal?.removeEventListener('abort', takeBack);
      const waiter: Waiter<Options | TurnOptions> = {
        options,
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
        // Those behind may have waited for this one alone.
        this.#serve();
      };
      if (signal?.aborted) {
        waiter.refuse(takenBack());
        return;
      }
      signal?.addEventListener('abort', takeBack);
      if (first) this.#waiting.unshift(waiter);
      else this.#waiting.push(waiter);
    });
  }
}

function busy(taken: number): BambaError {
  const others = taken === 1 ? 'another request' : `${taken} other requests`;
  return new BambaError('busy', `The engine is busy with ${others}. Wait for the end, or abort what is under way.`);
}

/** The error of a request that was aborted before it began. */
export function takenBack(): BambaError {
  return new BambaError('aborted', 'The request was taken back before it began.');
}
