import type { Remote } from 'comlink';
import { BambaError } from '../../errors.ts';
import { valueOf, type WireResult, type WorkerApi } from './wire.ts';
import { Watch, type WorkerLink } from './worker-link.ts';

/** Asks something of the worker, which hears the wish to end it on a port of its own. */
export type Ask<Result> = (worker: Remote<WorkerApi>, port: MessagePort) => Promise<Result>;

/** Something that the worker does until it is done, asked to stop, or gone. */
export class Task<Result> {
  readonly port: MessagePort;
  /** As the worker says; rejects when it is gone. */
  readonly finished: Promise<Result>;
  readonly end: Watch;
  /** Rejects once there is no use in waiting: as `finished`, or where it goes on although it was stopped. */
  readonly failed: Promise<never>;
  readonly #link: WorkerLink;
  readonly #signal: AbortSignal | undefined;
  /** Whether the worker was asked to stop while it was there. */
  stopAsked = false;
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

  /** The result; the task is left then. @throws BambaError as the worker says, or why there is no use in waiting. */
  async value<Value>(this: Task<WireResult<Value>>): Promise<Value> {
    try {
      return valueOf(await Promise.race([this.finished, this.failed]));
    } finally {
      await this.leave();
    }
  }

  readonly #onAbort = (): void => {
    if (this.#link.fault) return;
    this.stopAsked = true;
    void this.#requireStop();
  };

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

/** The messages of a port, one after the other. */
export class Messages<Message> {
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

  /** Messages that came before are still given. */
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
