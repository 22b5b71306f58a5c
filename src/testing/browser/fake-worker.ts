import { expose } from 'comlink';
import type { EngineInfo } from '../../engine/protocol.ts';
import type { Deadlines } from '../../engine/worker/deadlines.ts';
import type { WorkerApi } from '../../engine/worker/wire.ts';

/** They count looks at the worker, so that a slow machine changes nothing. */
export const SHORT_DEADLINES: Deadlines = {
  tick: 10,
  start: 300,
  notice: 200,
  silence: 60,
  stop: 150,
  busy: 200,
  end: 50,
  again: [0, 10, 20],
  calm: 60_000,
};

/** An answer that never comes. */
export const NEVER = new Promise<never>(() => {});

export const INFO = { model: { name: 'fake' } } as EngineInfo;

/**
 * Stands in for the engine's worker, in this thread: it answers as `api` says, and goes wrong when it is told to.
 * What `api` leaves out is done at once, and well.
 */
export class FakeWorker extends EventTarget {
  terminated = 0;
  /** Whether it hears nothing any more, as in a loop that does not end. */
  stuck: boolean;
  readonly #port: MessagePort;

  constructor(api: Partial<WorkerApi> = {}, { stuck = false } = {}) {
    super();
    this.stuck = stuck;
    const { port1, port2 } = new MessageChannel();
    this.#port = port1;
    const well: WorkerApi = {
      ping() {},
      load: async () => ({ value: INFO }),
      abortLoading() {},
      holdLife: async () => false,
      serve: async () => false,
      async generate(_, _resume, port) {
        const end = { type: 'end', finishReason: 'stop', usage: {} };
        port.postMessage({ type: 'event', event: end });
        port.postMessage({ type: 'end' });
      },
      tune: async () => ({
        value: { tuning: { matvecSubgroups: 1, narrowRows: 0, chunkTokens: 256 }, trials: [], kept: false },
      }),
      availability: async () => ({ value: { status: 'available', bytes: 1 } }),
      tokenize: async () => ({ value: [1, 2] }),
      countTokens: async () => ({ value: 2 }),
      detokenize: async () => ({ value: 'ab' }),
      exportState: async () => ({ value: new Uint8Array([1, 2, 3]) }),
      importState: async ({ length }) => ({ value: { messages: [], tokens: length } }),
      dispose() {},
    };
    expose({ ...well, ...api }, port2);
    port1.addEventListener('message', ({ data }: MessageEvent<unknown>) => {
      if (this.terminated === 0) this.dispatchEvent(new MessageEvent('message', { data }));
    });
    port1.start();
  }

  postMessage(message: unknown, transfer: Transferable[] = []): void {
    const port = this.#port;
    if (!this.stuck && this.terminated === 0) port.postMessage(message, transfer);
    // A message that cannot be copied is refused also by a worker that hears nothing.
    else structuredClone(message, { transfer });
  }

  terminate(): void {
    this.terminated++;
    this.#port.close();
  }

  /** An error that nothing in the worker caught; without a message, a script that does not load. */
  fail(message?: string): void {
    this.dispatchEvent(Object.assign(new Event('error'), message === undefined ? {} : { message }));
  }

  /** A message that cannot be read. */
  garble(): void {
    this.dispatchEvent(new Event('messageerror'));
  }

  /** As `createEngine` starts one. */
  get start(): () => Promise<Worker> {
    return async () => this as unknown as Worker;
  }
}
