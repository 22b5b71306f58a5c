import { releaseProxy, type Remote, wrap } from 'comlink';
import { BambaError } from '../../errors.ts';
import { DEADLINES, type Deadlines } from './deadlines.ts';
import type { EngineWorker } from '../tabs/tab-worker.ts';
import { asTyped, type WorkerApi } from './wire.ts';

const WHAT_TO_DO_WITHOUT_START =
  'Reload the page. Where its Content-Security-Policy allows no workers from blobs, serve bamba-web/worker and name its ' +
  'address in the option worker.';
const WHAT_TO_DO = 'Load the model again.';

/**
 * The page's connection to an engine's worker. It ends a worker that fails, or that is silent when it must not be. All
 * who wait for the worker hear why: nobody waits in vain.
 */
export class WorkerLink {
  readonly deadlines: Readonly<Deadlines>;
  /** Whether it is another tab's. */
  readonly elsewhere: boolean;
  readonly #worker: EngineWorker;
  readonly #remote: Remote<WorkerApi>;
  readonly #waiting = new Set<(error: BambaError) => void>();
  readonly #over = new AbortController();
  /** Resolves once, when the worker is gone, with why. */
  readonly gone: Promise<BambaError>;
  #tellGone!: (reason: BambaError) => void;
  #fault: BambaError | null = null;
  #started = false;

  constructor(worker: EngineWorker, deadlines = DEADLINES, { elsewhere = false } = {}) {
    this.#worker = worker;
    this.elsewhere = elsewhere;
    this.gone = new Promise((resolve) => {
      this.#tellGone = resolve;
    });
    this.deadlines = deadlines;
    worker.addEventListener('error', (event) => {
      // A script that does not load is an event without a message.
      const why = (event as Partial<ErrorEvent>).message || 'its script could not be loaded';
      this.end(this.#started ? this.failure(`failed: ${why}`) : this.#notStarted(`could not start: ${why}`));
    });
    worker.addEventListener('messageerror', () => this.end(this.failure('sent something that cannot be read')));
    this.#remote = wrap<WorkerApi>(worker);
    void this.#begin();
  }

  /** Why it is ended. @param what became of it, as the rest of a sentence */
  failure(what: string, then = WHAT_TO_DO): BambaError {
    const whose = this.elsewhere ? 'The engine of another tab' : "The engine's worker";
    return new BambaError('worker_failed', `${whose} ${what}. ${then}`);
  }

  #notStarted(what: string): BambaError {
    return this.failure(what, this.elsewhere ? WHAT_TO_DO : WHAT_TO_DO_WITHOUT_START);
  }

  /** Whether it has ever answered. */
  get started(): boolean {
    return this.#started;
  }

  /** Why the worker is gone; null while it is there. */
  get fault(): BambaError | null {
    return this.#fault;
  }

  /** @throws BambaError why the worker is gone, once it is. */
  check(): void {
    if (this.#fault) throw this.#fault;
  }

  /** Ends the worker, then tells all who wait for it. Idempotent: the first reason stays. */
  end(reason: BambaError): void {
    this.#worker.terminate();
    if (this.#fault) return;
    this.#fault = reason;
    this.#over.abort();
    this.#tellGone(reason);
    this.#remote[releaseProxy]();
    for (const reject of this.#waiting) reject(reason);
    this.#waiting.clear();
  }

  /**
   * Asks something of the worker, and settles as its answer does, or rejects as soon as the worker is gone.
   * @throws BambaError why it is gone; what the answer rejects with, as an error with a code.
   */
  async ask<Value>(question: (worker: Remote<WorkerApi>) => Promise<Value>): Promise<Value> {
    this.check();
    let reject: (error: BambaError) => void = () => {};
    const gone = new Promise<never>((_, refuse) => {
      reject = refuse;
    });
    this.#waiting.add(reject);
    try {
      return await Promise.race([question(this.#remote), gone]);
    } catch (error) {
      throw asTyped(error);
    } finally {
      this.#waiting.delete(reject);
    }
  }

  async #begin(): Promise<void> {
    const { start } = this.deadlines;
    await this.#requireReply(start, () => this.#notStarted(`did not start within ${start / 1000} seconds`));
    await this.#watchLife();
  }

  /** A worker that the browser ends, or the page, says nothing of it; what it holds of the browser becomes free. */
  async #watchLife(): Promise<void> {
    const { locks } = (globalThis.navigator ?? {}) as { locks?: LockManager };
    if (!locks || this.#fault) return;
    const lock = `bamba-web worker ${crypto.randomUUID()}`;
    const { signal } = this.#over;
    try {
      if (!(await this.ask((worker) => worker.holdLife(lock)))) return;
      await locks.request(lock, { signal }, () => {});
    } catch {
      // The worker is gone, and that is known; or the browser denies locks.
      return;
    }
    this.end(this.failure('was ended'));
  }

  /** Has an idle worker notice what is asked of it next: one that died in silence is ended, and said to be dead. */
  expectNotice(): void {
    const { notice } = this.deadlines;
    void this.#requireReply(notice, () => this.failure(`did not answer for ${notice / 1000} seconds, and was ended`));
  }

  /**
   * Waits for work to end that was asked to.
   * @returns whether it has; false where the worker is well, and the work goes on nevertheless.
   */
  async stopped(work: Watch): Promise<boolean> {
    const vigil = new Vigil(this, work);
    for (let waited = 0; waited < this.deadlines.stop; waited += this.deadlines.tick) {
      if (await vigil.look()) return true;
    }
    return false;
  }

  /** Ends the worker unless it replies to anything in time, be it with an error. */
  async #requireReply(ms: number, late: () => BambaError): Promise<void> {
    const watch = new Watch(this.ask((worker) => worker.ping()));
    for (let waited = 0; waited < ms; waited += this.deadlines.tick) {
      if (await watch.overWithin(this.deadlines.tick)) {
        this.#started = true;
        return;
      }
    }
    this.end(late());
  }
}

/** Waits for the end of work that was asked to end, with an eye on the worker. One that is silent meanwhile is stuck. */
export class Vigil {
  readonly #link: WorkerLink;
  readonly #work: Watch;
  #silent = 0;

  constructor(link: WorkerLink, work: Watch) {
    this.#link = link;
    this.#work = work;
  }

  /** Waits for a tick at most. @returns whether the work has ended, with the worker where that was stuck. */
  async look(): Promise<boolean> {
    const { tick, silence } = this.#link.deadlines;
    if (await this.#work.overWithin(tick)) return true;
    this.#silent += tick;
    if (this.#silent >= silence) {
      const how = `did not answer for ${silence / 1000} seconds after it was asked to stop, and was ended`;
      this.#link.end(
        this.#link.failure(
          how,
          `${WHAT_TO_DO} If the same question does it again, choose another model: this one's chat template or tokenizer takes too long.`,
        ),
      );
      return true;
    }
    void this.#ping();
    return false;
  }

  /** Only a good answer counts: a worker that does not know the question is not known to be well. */
  async #ping(): Promise<void> {
    const answer = await this.#link.ask(async (worker) => worker.ping().then(() => true)).catch(() => false);
    if (answer) this.#silent = 0;
  }
}

/** Whether something has ended, well or not, asked again and again. */
export class Watch {
  over = false;
  readonly #end: Promise<void>;

  constructor(work: Promise<unknown>) {
    const end = (): void => {
      this.over = true;
    };
    this.#end = work.then(end, end);
  }

  /** Waits for the end, at most `ms` milliseconds; returns whether it has come. */
  async overWithin(ms: number): Promise<boolean> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, ms);
    });
    await Promise.race([this.#end, late]);
    clearTimeout(timer);
    return this.over;
  }
}
