import { proxy, type Remote, transfer } from 'comlink';
import { BambaError } from '../errors.ts';
import type {
  DetokenizeOptions,
  EngineInfo,
  GenerateOptions,
  GenerationEvent,
  GenerationRequest,
  TokenizeOptions,
  TunableEngine,
  TuneEngineOptions,
  TuningProgress,
  TuningResult,
} from './protocol.ts';
import { takenBack, Turns } from './turns.ts';
import { fromWire, type GenerationMessage, type TokenInput, valueOf, type WireResult, type WorkerApi } from './wire.ts';
import { Vigil, Watch, type WorkerLink } from './worker-link.ts';

/** The page's side of an engine in a worker. */
export class WorkerEngine implements TunableEngine {
  readonly info: EngineInfo;
  readonly #link: WorkerLink;
  readonly #turns = new Turns();
  /** Of what was begun last: the worker may be at it although nobody waits for it any more. */
  #work: Watch | null = null;
  #disposing: Promise<void> | null = null;

  constructor(info: EngineInfo, link: WorkerLink) {
    this.info = info;
    this.#link = link;
  }

  async *generate(request: GenerationRequest, options: GenerateOptions = {}): AsyncGenerator<GenerationEvent, void> {
    const leave = await this.#turns.take(options);
    try {
      yield* this.#generate(request, options.signal);
    } finally {
      leave();
    }
  }

  async *#generate(request: GenerationRequest, signal: AbortSignal | undefined): AsyncGenerator<GenerationEvent, void> {
    await this.#waitUntilFree(signal);
    const task = this.#begin<void>(signal, (worker, port) => worker.generate(request, transfer(port, [port])));
    const messages = new Messages<GenerationMessage>(task.port);
    task.failed.catch((error: unknown) => messages.fail(error));
    try {
      for (;;) {
        const message = await messages.next();
        if (message.type === 'error') throw fromWire(message.error);
        if (message.type === 'end') return;
        yield message.event;
      }
    } finally {
      // Whoever leaves early waits for the worker to be free again: the next request finds it so.
      await task.leave();
    }
  }

  async tune({ signal, queue, onProgress = () => {} }: TuneEngineOptions = {}): Promise<TuningResult> {
    const leave = await this.#turns.take({ signal, queue });
    try {
      await this.#waitUntilFree(signal);
      const told = proxy((progress: TuningProgress) => tell(onProgress, progress));
      const task = this.#begin<WireResult<TuningResult>>(signal, (worker, port) =>
        worker.tune(told, transfer(port, [port])),
      );
      return await task.value();
    } finally {
      leave();
    }
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
    this.#disposing ??= this.#dispose();
    return this.#disposing;
  }

  async #dispose(): Promise<void> {
    const freed = new Watch(this.#link.ask((worker) => worker.dispose()));
    await freed.overWithin(this.#link.deadlines.end);
    this.#link.end(disposed());
  }

  /**
   * Waits until what was left before its end has ended.
   * @throws BambaError `disposed`, `worker_failed`; `busy` where that takes too long; `aborted`.
   */
  async #waitUntilFree(signal: AbortSignal | undefined): Promise<void> {
    const { busy, tick } = this.#link.deadlines;
    const work = this.#work;
    const vigil = work && new Vigil(this.#link, work);
    for (let waited = 0; ; waited += tick) {
      if (this.#disposing) throw disposed();
      this.#link.check();
      if (!work || !vigil || work.over) return;
      if (waited >= busy) {
        throw new BambaError(
          'busy',
          'The GPU is still busy with what was stopped before. Ask again later, or load the model again.',
        );
      }
      if (signal?.aborted) throw takenBack();
      await vigil.look();
    }
  }

  /** What the worker does beside an answer: it takes no turn. @throws BambaError `disposed`, `aborted`, `worker_failed`. */
  async #beside<Value>(signal: AbortSignal | undefined, ask: Ask<WireResult<Value>>): Promise<Value> {
    if (this.#disposing) throw disposed();
    this.#link.check();
    if (signal?.aborted) throw new BambaError('aborted', 'The question was taken back before it was asked.');
    // One that works may have no time to notice; what it does is waited for by others.
    if (!this.#work || this.#work.over) this.#link.expectNotice();
    return new Task(this.#link, signal, ask).value();
  }

  /** Has the worker begin something that it hears the wish to end on a port of its own. */
  #begin<Result>(signal: AbortSignal | undefined, ask: Ask<Result>): Task<Result> {
    this.#link.expectNotice();
    const task = new Task(this.#link, signal, ask);
    this.#work = task.end;
    return task;
  }
}

type Ask<Result> = (worker: Remote<WorkerApi>, port: MessagePort) => Promise<Result>;

/** Something that the worker does until it is done, asked to stop, or gone. */
class Task<Result> {
  readonly port: MessagePort;
  /** As the worker says; rejects when it is gone. */
  readonly finished: Promise<Result>;
  readonly end: Watch;
  /** Rejects once there is no use in waiting: as `finished`, or where it goes on although it was stopped. */
  readonly failed: Promise<never>;
  readonly #link: WorkerLink;
  readonly #signal: AbortSignal | undefined;
  #stopping: Promise<boolean> | null = null;
  #giveUp!: (error: unknown) => void;

  constructor(link: WorkerLink, signal: AbortSignal | undefined, ask: Ask<Result>) {
    const { port1, port2 } = new MessageChannel();
    this.port = port1;
    this.#link = link;
    this.#signal = signal;
    this.finished = link.ask((worker) => ask(worker, port2));
    this.end = new Watch(this.finished);
    this.failed = new Promise((_, reject) => {
      this.#giveUp = reject;
    });
    this.finished.catch(this.#giveUp);
    this.failed.catch(() => {}); // of interest only to those who still wait
    port1.addEventListener('messageerror', () =>
      link.end(
        new BambaError(
          'worker_failed',
          "The engine's worker sent something that cannot be read. Load the model again.",
        ),
      ),
    );
    signal?.addEventListener('abort', this.#onAbort);
    if (signal?.aborted) this.#onAbort();
  }

  /** For whoever does not wait for the end, or has it: resolves when the worker is free, or will be in its own time. */
  async leave(): Promise<void> {
    this.#signal?.removeEventListener('abort', this.#onAbort);
    await this.#stop();
    this.port.close();
  }

  /** What it comes to, left then. @throws BambaError as the worker says, or why there is no use in waiting. */
  async value<Value>(this: Task<WireResult<Value>>): Promise<Value> {
    try {
      return valueOf(await Promise.race([this.finished, this.failed]));
    } finally {
      await this.leave();
    }
  }

  readonly #onAbort = (): void => void this.#requireStop();

  async #requireStop(): Promise<void> {
    if (await this.#stop()) return;
    this.#giveUp(
      new BambaError(
        'aborted',
        'It was stopped, and the GPU still computes what it had begun. The next question waits for that.',
      ),
    );
  }

  #stop(): Promise<boolean> {
    if (!this.#stopping) {
      const { port } = this;
      port.postMessage('abort');
      this.#stopping = this.#link.stopped(this.end);
    }
    return this.#stopping;
  }
}

/** What comes over a port, one after the other. */
class Messages<Message> {
  readonly #waiting: Message[] = [];
  #fault: { error: unknown } | null = null;
  #wake = (): void => {};

  constructor(port: MessagePort) {
    port.addEventListener('message', ({ data }: MessageEvent<Message>) => {
      this.#waiting.push(data);
      this.#wake();
    });
    port.start();
  }

  /** What has come before is still given. */
  fail(error: unknown): void {
    this.#fault = { error };
    this.#wake();
  }

  async next(): Promise<Message> {
    for (;;) {
      const message = this.#waiting.shift();
      if (message !== undefined) return message;
      if (this.#fault) throw this.#fault.error;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}

/** What a listener throws is reported, as from any: the work that it hears of goes on. */
export function tell<Progress>(listener: (progress: Progress) => void, progress: Progress): void {
  try {
    listener(progress);
  } catch (error) {
    reportError(error);
  }
}

function disposed(): BambaError {
  return new BambaError('disposed', 'The engine was disposed. Create another one.');
}
