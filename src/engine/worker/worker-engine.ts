import { proxy, transfer } from 'comlink';
import { BambaError } from '../../errors.ts';
import { checkBytes } from '../states/check-bytes.ts';
import { AnswerCourse } from '../answers/answer-course.ts';
import type { Deadlines } from './deadlines.ts';
import { Listeners, tell } from '../listeners.ts';
import type {
  ChatMessage,
  DetokenizeOptions,
  EngineInfo,
  EngineStatus,
  GenerateOptions,
  GenerationEvent,
  GenerationRequest,
  LoadProgress,
  MovedState,
  StateEngine,
  TokenizeOptions,
  TuneEngineOptions,
  TuningProgress,
  TuningResult,
} from '../protocol.ts';
import { Recovery } from '../recovery.ts';
import { takenBack, type TurnOptions, Turns } from '../turns.ts';
import { asTyped, fromWire, type GenerationMessage, type TokenInput, type WireResult } from './wire.ts';
import { Vigil, Watch, type WorkerLink } from './worker-link.ts';
import { type Ask, Messages, Task } from './worker-task.ts';

/** A worker that has loaded a model. */
export interface LoadedWorker {
  link: WorkerLink;
  info: EngineInfo;
}

/** The listeners to a worker that loads, and the signal that ends loading. */
export interface WorkerLoading {
  onLink: (link: WorkerLink) => void;
  onProgress: (progress: LoadProgress) => void;
  /** Hears in a sentence what is not as usual before there is a worker. */
  onMessage: (message: string) => void;
  onStatus: (status: EngineStatus, info: EngineInfo) => void;
  signal: AbortSignal;
}

/** How a worker is started that loads a model. */
export interface WorkerEngineOptions {
  load: (loading: WorkerLoading) => Promise<LoadedWorker>;
  deadlines: Readonly<Deadlines>;
  /** Hears of the first load. */
  onProgress: (progress: LoadProgress) => void;
  /** Ends the first load. */
  signal: AbortSignal | undefined;
}

/** The message where another tab that had the engine was closed. */
const TAB_GONE = 'The tab that ran the model for this one is gone: the model is being loaded again.';
/** How far a load is that has no worker yet. */
const UNKNOWN: LoadProgress = {
  stage: 'manifest',
  loaded: 0,
  total: 0,
  progress: 0,
  source: 'storage',
  bytesPerSecond: 0,
  secondsLeft: Infinity,
};
/** Workers that one question is carried over. */
const MOST_LOSSES = 3;

/** The page's side of an engine in a worker; where that breaks down, in another one. */
export class WorkerEngine implements StateEngine {
  readonly #options: WorkerEngineOptions;
  readonly #workers: Recovery<LoadedWorker>;
  readonly #turns = new Turns(() => (this.#info as EngineInfo | undefined)?.atOnce ?? 1);
  readonly #listeners = new Listeners<EngineStatus>();
  #info!: EngineInfo;
  #loaded = false;
  /** The link to the worker that was started last. */
  #link: WorkerLink | null = null;
  /** Whether the one before it was another tab's. */
  #wasElsewhere = false;
  /** The status while another worker loads. */
  #recovering: EngineStatus | null = null;
  /** The work that was begun and has not ended. */
  readonly #works = new Set<Watch>();
  /** That of it that the worker is at although nobody waits for it any more. */
  readonly #left = new Set<Watch>();
  #disposing: Promise<void> | null = null;
  #freed: Promise<void> = Promise.resolve();

  private constructor(options: WorkerEngineOptions) {
    this.#options = options;
    const { again: pauses, calm } = options.deadlines;
    this.#workers = new Recovery<LoadedWorker>({
      make: (_, ending) => this.#load(ending),
      free: ({ link }) => {
        this.#freed = this.#free(link);
      },
      // One that never started is not likely to start.
      isLoss: ({ code }) =>
        code === 'worker_failed' && (this.#link?.started === true || this.#link?.elsewhere === true),
      onStatus: (told) => {
        const status = this.#wasElsewhere && told.status === 'recovering' ? { ...told, message: TAB_GONE } : told;
        this.#recovering = status.status === 'recovering' ? status : null;
        if (this.#loaded) this.#listeners.tell(status);
      },
      tries: { pauses, calm },
    });
  }

  /** Loads a model. If the worker breaks down meanwhile, another one begins again. @throws BambaError as `load`. */
  static async begin(options: WorkerEngineOptions): Promise<WorkerEngine> {
    const engine = new WorkerEngine(options);
    await engine.#workers.begin();
    engine.#loaded = true;
    return engine;
  }

  async #load(ending: AbortSignal): Promise<LoadedWorker> {
    const { load, onProgress, signal: loading } = this.#options;
    const onLoading = (progress: LoadProgress): void => {
      if (!this.#loaded) onProgress(progress);
      else if (this.#recovering) {
        const { message = this.#recovering.message } = progress;
        this.#listeners.tell({ ...this.#recovering, message, progress: progress.progress });
      }
    };
    const worker = await load({
      // The signal that ends the first load does not end later work.
      signal: loading && !this.#loaded ? AbortSignal.any([loading, ending]) : ending,
      onLink: (link) => {
        this.#link = link;
      },
      onProgress: onLoading,
      onMessage: (message) => onLoading({ ...UNKNOWN, message }),
      onStatus: (status, info) => {
        this.#info = info;
        this.#listeners.tell(status);
      },
    });
    this.#info = worker.info;
    void this.#replaceOnceGone(worker);
    return worker;
  }

  async #replaceOnceGone(worker: LoadedWorker): Promise<void> {
    const { elsewhere, deadlines, gone } = worker.link;
    const since = performance.now();
    const reason = await gone;
    this.#wasElsewhere = elsewhere;
    // A closed tab is no fault: however many are closed, there is another try.
    if (elsewhere && performance.now() - since >= deadlines.tick) this.#workers.noteWork(worker);
    this.#workers.lose(worker, reason);
  }

  get info(): EngineInfo {
    return this.#info;
  }

  onStatus(listener: (status: EngineStatus) => void): () => void {
    return this.#listeners.add(listener);
  }

  async *generate(request: GenerationRequest, options: GenerateOptions = {}): AsyncGenerator<GenerationEvent, void> {
    const leave = await this.#turns.take(options);
    try {
      yield* this.#generate(request, options);
    } finally {
      leave();
    }
  }

  async *#generate(request: GenerationRequest, options: GenerateOptions): AsyncGenerator<GenerationEvent, void> {
    const { signal } = options;
    // Another worker draws what this one would have drawn.
    const { seed = crypto.getRandomValues(new Uint32Array(1))[0]! } = request;
    const course = new AnswerCourse();
    for (let attempt = 0; ; attempt++) {
      const worker = await this.#workers.get(signal).catch((error: unknown) => {
        if (signal?.aborted && !this.#disposing && attempt > 0) return null;
        throw error;
      });
      if (!worker) {
        yield course.end('abort');
        return;
      }
      const { promptLogprobs, ...rest } = request;
      // The events of the prompt are not repeated.
      const asked = promptLogprobs === undefined || course.scored ? rest : request;
      const loss = yield* this.#answer(worker.link, { ...asked, seed }, { ...options, again: attempt > 0 }, course);
      if (!loss) {
        this.#workers.noteWork(worker);
        return;
      }
      if (!course.mayGoOn(loss)) throw loss;
    }
  }

  /**
   * The events of one worker for an answer, which another one may have begun.
   * @returns why the worker is gone, where another one is to go on
   */
  async *#answer(
    link: WorkerLink,
    request: GenerationRequest,
    { signal, queue, again }: GenerateOptions & { again: boolean },
    course: AnswerCourse,
  ): AsyncGenerator<GenerationEvent, BambaError | null> {
    try {
      await this.#waitUntilFree(link, signal);
    } catch (error) {
      if (this.#disposing || !link.fault) throw error;
      return link.fault;
    }
    course.begin();
    const { ids, calls } = course;
    const resume = ids.length > 0 ? { ids: [...ids], calls } : null;
    const task = this.#begin<void>(link, signal, (worker, port) =>
      // An answer that was begun waits for its turn in any case.
      worker.generate(request, resume, transfer(port, [port]), again ? true : queue),
    );
    const messages = new Messages<GenerationMessage>(task.port);
    task.failed.catch((error: unknown) => messages.fail(error));
    try {
      for (;;) {
        const message = await messages.next();
        if (message.type === 'error') throw fromWire(message.error);
        if (message.type === 'end') return null;
        const { event } = message;
        if (event.type === 'prefill') course.noteRead({ promptTokens: event.total });
        else if (event.type === 'prompt') course.scored = true;
        else if (event.type === 'text') course.take(event.ids);
        else if (event.type === 'toolCall') course.takeCall();
        yield event.type === 'end' && resume ? course.since(event) : event;
        // A later fault of the worker does not concern this answer.
        if (event.type === 'end') return null;
      }
    } catch (error) {
      if (this.#disposing) throw disposed();
      // It was stopped while it waited behind those of other tabs, and has no end of its own.
      if (again && signal?.aborted && !link.fault && asTyped(error).code === 'aborted') {
        yield course.end('abort');
        return null;
      }
      // One that had to be ended because it did not stop is not asked the same again.
      if (!link.fault || task.stopAsked) throw error;
      return link.fault;
    } finally {
      // A caller that leaves early waits until the worker is free: the next request finds it free.
      await this.#leave(task);
    }
  }

  async tune({ signal, queue, onProgress = () => {} }: TuneEngineOptions = {}): Promise<TuningResult> {
    const told = proxy((progress: TuningProgress) => tell(onProgress, progress));
    return this.#inTurn<TuningResult>({ signal, queue, alone: true }, (worker, port) =>
      worker.tune(told, transfer(port, [port]), queue),
    );
  }

  /**
   * The worker's result for a question that takes a turn of its own.
   * @throws BambaError as `Turns.take`, and as the worker says.
   */
  async #inTurn<Value>(options: TurnOptions, ask: Ask<WireResult<Value>>): Promise<Value> {
    const leave = await this.#turns.take(options);
    try {
      const { signal } = options;
      const { link } = await this.#workers.get(signal);
      await this.#waitUntilFree(link, signal);
      const task = this.#begin(link, signal, ask);
      try {
        return await task.value();
      } finally {
        await this.#leave(task);
      }
    } finally {
      leave();
    }
  }

  async exportState(
    messages: readonly ChatMessage[],
    { signal }: { signal?: AbortSignal } = {},
  ): Promise<Uint8Array<ArrayBuffer>> {
    return this.#inTurn<Uint8Array<ArrayBuffer>>({ signal }, (worker, port) =>
      worker.exportState(messages, transfer(port, [port])),
    );
  }

  async importState(bytes: Uint8Array, { signal }: { signal?: AbortSignal } = {}): Promise<MovedState> {
    // A copy is handed over: the caller's bytes stay whole.
    const copy = new Uint8Array(checkBytes(bytes));
    return this.#inTurn<MovedState>({ signal }, (worker, port) =>
      worker.importState(transfer(copy, [copy.buffer]), transfer(port, [port])),
    );
  }

  async countTokens(input: TokenInput, { signal, ...options }: TokenizeOptions = {}): Promise<number> {
    return this.#beside<number>(signal, (worker, port) => worker.countTokens(input, options, transfer(port, [port])));
  }

  async tokenize(input: TokenInput, { signal, ...options }: TokenizeOptions = {}): Promise<number[]> {
    return this.#beside<number[]>(signal, (worker, port) => worker.tokenize(input, options, transfer(port, [port])));
  }

  async detokenize(
    ids: readonly number[],
    { signal, skipSpecialTokens = false }: DetokenizeOptions = {},
  ): Promise<string> {
    return this.#beside<string>(signal, (worker, port) =>
      worker.detokenize(ids, skipSpecialTokens, transfer(port, [port])),
    );
  }

  dispose(): Promise<void> {
    this.#turns.end(disposed());
    this.#disposing ??= this.#workers.end(disposed()).then(() => this.#freed);
    return this.#disposing;
  }

  /** Lets a worker give the GPU back, and ends it. */
  async #free(link: WorkerLink): Promise<void> {
    if (!link.fault) {
      const freed = new Watch(link.ask((worker) => worker.dispose()));
      await freed.overWithin(link.deadlines.end);
    }
    link.end(disposed());
  }

  /**
   * Waits until what was left before its end has ended.
   * @throws BambaError `disposed`, `worker_failed`; `busy` where that takes too long; `aborted`.
   */
  async #waitUntilFree(link: WorkerLink, signal: AbortSignal | undefined): Promise<void> {
    const { busy, tick } = link.deadlines;
    const vigils = new Map<Watch, Vigil>();
    for (let waited = 0; ; waited += tick) {
      if (this.#disposing) throw disposed();
      link.check();
      const [work] = this.#left;
      if (!work) return;
      if (waited >= busy) {
        throw new BambaError(
          'busy',
          'The GPU is still busy with what was stopped before. Ask again later, or load the model again.',
        );
      }
      if (signal?.aborted) throw takenBack();
      const vigil = vigils.get(work) ?? new Vigil(link, work);
      vigils.set(work, vigil);
      await vigil.look();
      if (work.over) this.#left.delete(work);
    }
  }

  /**
   * The worker's result for a question beside an answer: it takes no turn.
   * @throws BambaError `disposed`, `aborted`, `worker_failed`.
   */
  async #beside<Value>(signal: AbortSignal | undefined, ask: Ask<WireResult<Value>>): Promise<Value> {
    for (let losses = 0; ; losses++) {
      // Asked in the tick that it is called in, where there is a worker: whoever aborts then has it told.
      const { link } = this.#workers.thing ?? (await this.#workers.get(signal));
      if (signal?.aborted) throw new BambaError('aborted', 'The question was taken back before it was asked.');
      // One that works may have no time to notice; what it does is waited for by others.
      if (this.#works.size === 0) link.expectNotice();
      try {
        return await new Task(link, signal, ask).value();
      } catch (error) {
        if (!link.fault || this.#disposing || signal?.aborted || losses >= MOST_LOSSES) throw error;
      }
    }
  }

  /** Has the worker begin something that it hears the wish to end on a port of its own. */
  #begin<Result>(link: WorkerLink, signal: AbortSignal | undefined, ask: Ask<Result>): Task<Result> {
    if (this.#works.size === 0) link.expectNotice();
    const task = new Task(link, signal, ask);
    const work = task.end;
    this.#works.add(work);
    const end = () => {
      this.#works.delete(work);
      this.#left.delete(work);
    };
    task.finished.then(end, end);
    return task;
  }

  /** For whoever does not wait for the end of something, or has it. What goes on nevertheless is waited for by others. */
  async #leave(task: Task<unknown>): Promise<void> {
    await task.leave();
    if (this.#works.has(task.end)) this.#left.add(task.end);
  }
}

function disposed(): BambaError {
  return new BambaError('disposed', 'The engine was disposed. Create another one.');
}
