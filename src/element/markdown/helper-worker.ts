// A worker for what a library makes of a text. Nobody knows how long a library takes for a hostile text. So it works beside
// the page, with a deadline for each text. A worker that misses it is ended.

/** How long a text may take, in milliseconds: libraries take a few for what people and models write. */
const DEADLINE_MS = 2000;

/** The first text waits for the worker's own code besides. */
const START_MS = 10_000;

/** The worker's answer to a request that it cannot handle. */
export interface HelperFailure {
  readonly failed: true;
}

/** As much of a worker as is used here; a test brings its own. */
export interface HelperPort extends EventTarget {
  postMessage(message: unknown): void;
  terminate(): void;
}

/** Times, in milliseconds. */
export interface HelperTiming {
  readonly deadlineMs: number;
  readonly startMs: number;
}

/** One worker, which is started for the first request, and again for the first one after it was ended. */
export class HelperWorker<Request, Reply> {
  readonly #start: () => Promise<HelperPort>;
  readonly #timing: HelperTiming;
  #port: HelperPort | undefined;
  #last: Promise<unknown> = Promise.resolve();

  /**
   * @param start makes a worker that answers each message with one
   * @param timing shorter times, for tests
   */
  constructor(start: () => Promise<HelperPort>, timing: Partial<HelperTiming> = {}) {
    this.#start = start;
    this.#timing = { deadlineMs: DEADLINE_MS, startMs: START_MS, ...timing };
  }

  /**
   * Has a request answered, after those before it. Never rejects.
   *
   * @returns the answer; `refused` where there will be none, however often it is asked; `unavailable` where the worker
   * cannot be had now
   */
  ask(request: Request): Promise<Reply | 'refused' | 'unavailable'> {
    const answer = this.#last.then(() => this.#ask(request));
    this.#last = answer;
    return answer;
  }

  async #ask(request: Request): Promise<Reply | 'refused' | 'unavailable'> {
    const isNew = !this.#port;
    try {
      this.#port ??= await this.#start();
    } catch {
      return 'unavailable';
    }
    const { deadlineMs, startMs } = this.#timing;
    const answer = await answerOf<Reply>(this.#port, request, isNew ? startMs : deadlineMs);
    if (answer !== 'late' && answer !== 'broken') return answer;
    this.#port.terminate();
    this.#port = undefined;
    // A worker that never answered has not come; one that did was stopped by this text.
    return isNew && answer === 'broken' ? 'unavailable' : 'refused';
  }
}

/** The worker's answer to one request. */
function answerOf<Reply>(
  port: HelperPort,
  request: unknown,
  deadlineMs: number,
): Promise<Reply | 'refused' | 'late' | 'broken'> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => end('late'), deadlineMs);
    const listening = new AbortController();
    const { signal } = listening;
    const end = (answer: Reply | 'refused' | 'late' | 'broken'): void => {
      clearTimeout(timer);
      listening.abort();
      resolve(answer);
    };
    const hear = (event: Event): void => {
      const data: unknown = (event as MessageEvent).data;
      end(isFailure(data) ? 'refused' : (data as Reply));
    };
    port.addEventListener('message', hear, { signal });
    for (const type of ['error', 'messageerror']) port.addEventListener(type, () => end('broken'), { signal });
    port.postMessage(request);
  });
}

function isFailure(data: unknown): data is HelperFailure {
  return typeof data === 'object' && data !== null && 'failed' in data;
}
