import { EngineHost, type LoadEngine } from '../../engine/worker/engine-host.ts';
import type { Places } from '../../engine/tabs/open-shared.ts';
import type { OpenChannel } from '../../engine/tabs/frames.ts';
import type { FakeLocks } from './fake-locks.ts';
import { FakeWorker, NEVER } from './fake-worker.ts';

/** A page or a worker: what it has open closes when it is gone. */
class Agent {
  readonly #channels: BroadcastChannel[] = [];
  readonly locks: Places['locks'];
  readonly #all: FakeLocks;

  constructor(all: FakeLocks) {
    this.#all = all;
    this.locks = all.of(this);
  }

  #ended = false;

  readonly openChannel: OpenChannel = (name) => {
    const port = new BroadcastChannel(name);
    this.#channels.push(port);
    if (this.#ended) port.close();
    return {
      addEventListener: port.addEventListener.bind(port),
      close: () => port.close(),
      postMessage: (message: unknown) => {
        if (!this.#ended) port.postMessage(message);
      },
    };
  };

  end(): void {
    this.#ended = true;
    this.#all.free(this);
    for (const channel of this.#channels) channel.close();
  }
}

/** A tab whose worker has the engine's host, as `worker.ts` does. */
export class FakeTab {
  readonly places: Places;
  /** All workers that it has started. */
  readonly workers: FakeWorker[] = [];
  readonly #page: Agent;
  readonly #locks: FakeLocks;
  readonly #load: LoadEngine;
  #closed = false;

  constructor(locks: FakeLocks, load: LoadEngine) {
    this.#locks = locks;
    this.#load = load;
    this.#page = new Agent(locks);
    this.places = { locks: this.#page.locks, openChannel: this.#page.openChannel };
  }

  /** As `createEngine` starts a worker. */
  readonly start = async (): Promise<Worker> => {
    if (this.#closed) return NEVER;
    const agent = new Agent(this.#locks);
    const worker = new FakeWorker(new EngineHost(this.#load, agent).api);
    const terminate = worker.terminate.bind(worker);
    worker.terminate = () => {
      terminate();
      agent.end();
    };
    this.workers.push(worker);
    return worker as unknown as Worker;
  };

  /** As where a person closes it, or its process dies: nothing of it says a word any more. */
  close(): void {
    this.#closed = true;
    for (const worker of this.workers) worker.terminate();
    this.#page.end();
  }
}
