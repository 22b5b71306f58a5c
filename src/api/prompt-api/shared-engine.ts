import type { LoadProgress, TokenizingEngine } from '../../engine/protocol.ts';
import { unlessAborted } from './turns.ts';

/** Loads an engine. */
export type LoadEngine = (options: {
  signal: AbortSignal;
  onProgress: (progress: LoadProgress) => void;
}) => Promise<TokenizingEngine>;

/** An engine for as long as a session needs it. */
export interface Lease {
  readonly engine: TokenizingEngine;
  /** Another one, for a session that goes its own way. */
  again(): Lease;
  /** Gives it back. Idempotent. */
  release(): void;
  /** Says that the engine will never answer again: whoever comes next gets another one. */
  spoil(): void;
}

interface Entry {
  readonly engine: Promise<TokenizingEngine>;
  readonly loading: AbortController;
  readonly listeners: Set<(progress: LoadProgress) => void>;
  ready: boolean;
  waiting: number;
  leases: number;
}

/** One engine for all sessions of a model. It is loaded for the first of them, and freed with the last. */
export class SharedEngine {
  readonly #load: LoadEngine;
  readonly #free: (engine: TokenizingEngine) => Promise<void>;
  #entry: Entry | null = null;

  /** @param free called with an engine that nobody uses any more */
  constructor(load: LoadEngine, free: (engine: TokenizingEngine) => Promise<void>) {
    this.#load = load;
    this.#free = free;
  }

  /** Whether there is an engine, or one is on its way. */
  get state(): 'none' | 'loading' | 'ready' {
    return this.#entry ? (this.#entry.ready ? 'ready' : 'loading') : 'none';
  }

  /**
   * Waits for the engine. An engine that nobody waits for any more is not loaded. @throws as loading does; the signal's
   * reason.
   */
  async lease(signal: AbortSignal, onProgress: (progress: LoadProgress) => void): Promise<Lease> {
    const { entry, engine } = await this.#wait(signal, onProgress);
    return this.#leaseOf(entry, engine);
  }

  /** As `lease`, for a look: the engine stays for whoever comes next. */
  async look(signal: AbortSignal): Promise<TokenizingEngine> {
    return (await this.#wait(signal, () => {})).engine;
  }

  async #wait(
    signal: AbortSignal,
    onProgress: (progress: LoadProgress) => void,
  ): Promise<{ entry: Entry; engine: TokenizingEngine }> {
    signal.throwIfAborted();
    const entry = (this.#entry ??= this.#begin());
    entry.waiting++;
    entry.listeners.add(onProgress);
    let engine: TokenizingEngine | undefined;
    try {
      engine = await unlessAborted(entry.engine, signal);
      return { entry, engine };
    } finally {
      entry.listeners.delete(onProgress);
      entry.waiting--;
      if (!engine && entry.waiting + entry.leases === 0) this.#end(entry);
    }
  }

  /** Nobody wants it any more. */
  #end(entry: Entry): void {
    this.#forget(entry);
    entry.loading.abort();
    if (entry.ready) void entry.engine.then(this.#free);
  }

  #begin(): Entry {
    const loading = new AbortController();
    const listeners: Entry['listeners'] = new Set();
    const onProgress = (progress: LoadProgress): void => {
      for (const listener of listeners) listener(progress);
    };
    const engine = this.#load({ signal: loading.signal, onProgress });
    const entry: Entry = { engine, loading, listeners, ready: false, waiting: 0, leases: 0 };
    void this.#settle(entry);
    return entry;
  }

  async #settle(entry: Entry): Promise<void> {
    try {
      const engine = await entry.engine;
      entry.ready = true;
      // It may come although nobody waits any more.
      if (entry.loading.signal.aborted) await this.#free(engine);
    } catch {
      // A waiting caller hears of it.
      this.#forget(entry);
    }
  }

  #leaseOf(entry: Entry, engine: TokenizingEngine): Lease {
    entry.leases++;
    let held = true;
    return {
      engine,
      again: () => this.#leaseOf(entry, engine),
      release: () => {
        if (!held) return;
        held = false;
        if (--entry.leases + entry.waiting === 0) this.#end(entry);
      },
      spoil: () => this.#forget(entry),
    };
  }

  #forget(entry: Entry): void {
    if (this.#entry === entry) this.#entry = null;
  }
}
