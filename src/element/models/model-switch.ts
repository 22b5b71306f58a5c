// Changing models. The running one answers until another is ready. A model that cannot be loaded changes nothing.

import type { Engine, LoadProgress } from '../../engine/protocol.ts';
import type { BambaError } from '../../errors.ts';
import { EngineLoader } from '../engine-loader.ts';
import type { CreateEngine, SharedOptions } from '../engines.ts';

/** A model to load, and what makes its engine. */
export interface ModelOrder {
  create: CreateEngine;
  options: SharedOptions;
}

/** A model that could not be loaded, and why. */
export interface LoadFailure {
  order: ModelOrder;
  fault: BambaError;
  /** A person had asked for it; else the page. */
  asked: boolean;
}

/** A model on its way. */
export interface Loading {
  order: ModelOrder;
  progress: LoadProgress | undefined;
  /** It is ready, and takes over once the answer that is being written has ended. */
  waiting: boolean;
}

/** Events and questions of the switch. */
export interface SwitchEvents {
  /** Something is different now. */
  changed(): void;
  /** The person's model answers from now on. */
  loaded(order: ModelOrder): void;
  /** Whether an answer is being written: its engine is not taken from it. */
  busy(): boolean;
}

/** The model that runs, and the one that is to run next. */
export class ModelSwitch {
  /** The last failure, until another model is loaded or the person has read it. */
  failure: LoadFailure | undefined;
  readonly #events: SwitchEvents;
  #current = this.#loader();
  #order: ModelOrder | undefined;
  #next: { order: ModelOrder; loader: EngineLoader } | undefined;
  /** The model that was freed to make room. It comes back if the other one fails. */
  #before: ModelOrder | undefined;
  /** A person has asked for what is loading. */
  #asked = false;

  /** @param events where changes are reported */
  constructor(events: SwitchEvents) {
    this.#events = events;
  }

  /** The engine that answers. */
  get engine(): Engine | undefined {
    return this.#current.engine;
  }

  /** The model that runs, or is to run where nothing runs yet. */
  get order(): ModelOrder | undefined {
    return this.#order;
  }

  /** The model that is loading. */
  get loading(): Loading | undefined {
    const { order, loader } = this.#next ?? { order: this.#order, loader: this.#current };
    const { state } = loader;
    if (!order) return undefined;
    if (state.kind === 'loading') return { order, progress: state.progress, waiting: false };
    return this.#next && state.kind === 'ready' ? { order, progress: undefined, waiting: true } : undefined;
  }

  /** Nothing runs, nothing is on its way, and nothing has failed. */
  get idle(): boolean {
    return this.#current.state.kind === 'idle' && !this.failure;
  }

  /** Loads a model in the place of whatever is there. */
  load(order: ModelOrder): void {
    this.#drop();
    this.#asked = false;
    this.#begin(order);
  }

  /** Loads a model that a person asks for, beside the one that runs. */
  change(order: ModelOrder): void {
    this.#drop();
    this.#asked = true;
    if (!this.engine) {
      this.#begin(order);
      return;
    }
    const loader = this.#loader();
    this.#next = { order, loader };
    void loader.load(order.create, order.options);
  }

  /** Loads what failed once more. */
  retry(): void {
    const { failure } = this;
    if (failure?.asked) this.change(failure.order);
    else if (failure) this.load(failure.order);
  }

  /** Loads what failed once the model that runs is freed: a GPU may have no room for both. */
  retryAlone(): void {
    const { failure } = this;
    if (!failure) return;
    const before = this.engine ? this.#order : undefined;
    this.#drop();
    this.#asked = true;
    this.#before = before;
    this.#begin(failure.order);
  }

  /** Ends loading. The former model goes on, or comes back. */
  cancel(): void {
    if (!this.loading) return;
    const before = this.#before;
    const beside = this.#next !== undefined;
    this.#drop();
    if (before) {
      this.load(before);
    } else if (!beside) {
      this.#order = undefined;
      this.#current.dispose();
    }
    this.#events.changed();
  }

  /** The person has read of the failure. */
  dismiss(): void {
    this.failure = undefined;
    this.#events.changed();
  }

  /** An answer has ended: whoever waits for that takes over. */
  settle(): void {
    const next = this.#next;
    if (!next?.loader.engine || this.#events.busy()) return;
    const before = this.#current;
    this.#next = undefined;
    this.#current = next.loader;
    this.#order = next.order;
    this.#events.loaded(next.order);
    this.#events.changed();
    before.dispose();
  }

  /** Takes an engine that somebody else has made, and will dispose of. */
  use(engine: Engine): void {
    this.#drop();
    this.#order = undefined;
    this.#current.use(engine);
  }

  /** Gives everything back. Idempotent. */
  dispose(): void {
    this.#drop();
    this.#current.dispose();
  }

  #loader(): EngineLoader {
    const loader: EngineLoader = new EngineLoader(() => this.#onChange(loader));
    return loader;
  }

  #begin(order: ModelOrder): void {
    this.#order = order;
    void this.#current.load(order.create, order.options);
  }

  /** Forgets what was on its way, and what came of it. */
  #drop(): void {
    const next = this.#next;
    this.#next = undefined;
    this.#before = undefined;
    this.failure = undefined;
    next?.loader.dispose();
  }

  #onChange(loader: EngineLoader): void {
    if (loader === this.#next?.loader) this.#onNext(this.#next);
    else if (loader === this.#current) this.#onCurrent();
  }

  #onNext({ order, loader }: { order: ModelOrder; loader: EngineLoader }): void {
    const { state } = loader;
    if (state.kind === 'failed') {
      this.#next = undefined;
      this.failure = { order, fault: state.fault, asked: true };
    }
    this.#events.changed();
    if (state.kind === 'ready') this.settle();
  }

  #onCurrent(): void {
    const { state } = this.#current;
    const order = this.#order;
    if (order && state.kind === 'ready') {
      this.#before = undefined;
      if (this.#asked) this.#events.loaded(order);
      this.#asked = false;
    }
    if (order && state.kind === 'failed') {
      this.failure = { order, fault: state.fault, asked: this.#asked };
      const before = this.#before;
      this.#before = undefined;
      this.#asked = false;
      // The failure stays to be read while what ran before comes back.
      if (before) this.#begin(before);
    }
    this.#events.changed();
  }
}
