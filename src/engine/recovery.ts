import { asBambaError, BambaError } from '../errors.ts';
import { abortable } from '../weights/abort.ts';
import type { EngineStatus } from './protocol.ts';

/** How often something that was lost is made again. */
export interface Tries {
  /** Milliseconds before each try; as many tries as there are pauses. */
  readonly pauses: readonly number[];
  /** A thing that has been well for so many milliseconds, or has done its work, has all tries again. */
  readonly calm: number;
}

export const TRIES: Tries = { pauses: [0, 1000, 4000], calm: 60_000 };

/** How the thing is made. */
export interface RecoveryOptions<Thing> {
  /**
   * Makes it.
   * @param tries how often that was tried since it was lost; 0 for the first of all
   * @param signal ends it
   */
  make: (tries: number, signal: AbortSignal) => Promise<Thing>;
  /** Frees what was made, and is lost or not wanted any more. @param reason why */
  free: (thing: Thing, reason: BambaError) => void;
  /** Whether what went wrong while it was made for the first time is a loss, after which it is made again. */
  isLoss: (error: BambaError) => boolean;
  onStatus: (status: EngineStatus) => void;
  tries?: Tries;
}

/** Something that can be lost at any moment, and is made again then: a few times, with pauses, and not for ever. */
export class Recovery<Thing extends object> {
  readonly #options: RecoveryOptions<Thing>;
  readonly #pauses: readonly number[];
  readonly #calm: number;
  readonly #ending = new AbortController();
  #ended: BambaError | null = null;
  #thing: Thing | null = null;
  #making: Promise<Thing> | null = null;
  /** Why it was lost, or could not be made. */
  #reason = new BambaError('internal', 'Nothing was made yet.');
  #tries = 0;
  /** The failure of the last try, once there are no more. */
  #failure: BambaError | null = null;
  /** When it was made, or given up. */
  #since = 0;

  constructor(options: RecoveryOptions<Thing>) {
    this.#options = options;
    ({ pauses: this.#pauses, calm: this.#calm } = options.tries ?? TRIES);
  }

  /** Makes it for the first time; lost meanwhile, it is made again. @throws BambaError as `make`. */
  begin(): Promise<Thing> {
    return this.#hold(this.#first());
  }

  /** The thing; null while it is lost. */
  get thing(): Thing | null {
    return this.#thing;
  }

  /**
   * Waits until it is there, made again where it was lost.
   * @throws BambaError why it is lost for good, or was ended; `aborted`: it is made again all the same
   */
  async get(signal?: AbortSignal): Promise<Thing> {
    if (this.#ended) throw this.#ended;
    if (this.#thing) return this.#thing;
    try {
      return await abortable(this.#making ?? this.#hold(this.#again()), signal);
    } catch (error) {
      if (!signal?.aborted || this.#ended) throw error;
      throw new BambaError('aborted', 'It was taken back while the model was being loaded again.');
    }
  }

  /** Has it made again, unless that is known. */
  lose(thing: Thing, reason: BambaError): void {
    if (this.#thing !== thing || this.#ended) return;
    this.#thing = null;
    this.#reason = reason;
    this.#options.free(thing, reason);
    this.#hold(this.#again()).catch(() => {}); // whoever needs it hears of it
  }

  /** Says that it has done what it is for: whatever happens later is another matter, and has all tries. */
  noteWork(thing: Thing): void {
    if (this.#thing === thing) this.#tries = 0;
  }

  /** Frees it, and makes it no more; resolves when what was under way has ended. Idempotent. */
  async end(reason: BambaError): Promise<void> {
    if (!this.#ended) {
      this.#ended = reason;
      this.#ending.abort(reason);
      if (this.#thing) this.#options.free(this.#thing, reason);
      this.#thing = null;
    }
    await this.#making?.catch(() => {});
  }

  /** Remembers what is under way: whoever asks joins it. */
  #hold(making: Promise<Thing>): Promise<Thing> {
    const held = making.finally(() => {
      if (this.#making === held) this.#making = null;
    });
    held.catch(() => {});
    this.#making = held;
    return held;
  }

  async #first(): Promise<Thing> {
    try {
      return await this.#make(0);
    } catch (error) {
      const typed = asBambaError(error);
      if (this.#ended || !this.#options.isLoss(typed)) throw typed;
      this.#reason = typed;
      return this.#again();
    }
  }

  async #again(): Promise<Thing> {
    if (performance.now() - this.#since >= this.#calm) {
      this.#tries = 0;
      this.#failure = null;
    }
    if (this.#failure) throw this.#failure;
    const { code } = this.#reason;
    let last = this.#reason;
    while (this.#tries < this.#pauses.length) {
      const pause = this.#pauses[this.#tries++]!;
      const attempt = this.#tries;
      this.#tell({ status: 'recovering', attempt, reason: code, message: RECOVERING[code] ?? RECOVERING_ANY });
      try {
        await abortable(new Promise((resolve) => setTimeout(resolve, pause)), this.#ending.signal);
        const thing = await this.#make(attempt);
        this.#tell({ status: 'ready', attempt, reason: code, message: 'The model is there again.' });
        return thing;
      } catch (error) {
        if (this.#ended) throw this.#ended;
        last = asBambaError(error);
      }
    }
    this.#since = performance.now();
    this.#failure = givenUp(this.#reason, last, this.#pauses.length);
    this.#tell({ status: 'failed', attempt: this.#tries, reason: code, message: this.#failure.message });
    throw this.#failure;
  }

  async #make(tries: number): Promise<Thing> {
    const { make, free } = this.#options;
    const thing = await make(tries, this.#ending.signal);
    if (this.#ended) {
      free(thing, this.#ended);
      throw this.#ended;
    }
    this.#thing = thing;
    this.#since = performance.now();
    return thing;
  }

  #tell(status: EngineStatus): void {
    if (!this.#ended) this.#options.onStatus(status);
  }
}

const RECOVERING: { readonly [Code in BambaError['code']]?: string } = {
  device_lost: 'The GPU was lost: the model is being loaded again.',
  out_of_memory: 'The GPU ran out of memory: the model is being loaded again.',
  worker_failed: 'The engine’s worker broke down: another one is loading the model again.',
};
const RECOVERING_ANY = 'The GPU failed: the model is being loaded again.';

function givenUp(reason: BambaError, last: BambaError, tries: number): BambaError {
  if (last === reason) return reason;
  return new BambaError(
    last.code,
    `${reason.message} It was tried ${tries} times to go on, and the last time this was in the way: ${last.message}`,
    { cause: last },
  );
}
