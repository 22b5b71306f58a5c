// Loading an engine, as a state that a view can draw: what is happening, how far it is, what went wrong.

import type { Engine, EngineOptions, LoadProgress } from '../engine/protocol.ts';
import { asFault, type Fault } from './faults.ts';

/** Makes an engine; the same as `createEngine` of the library. */
export type CreateEngine = (options: EngineOptions) => Promise<Engine>;

/** Where loading stands. */
export type LoadState =
  | { kind: 'idle' }
  | { kind: 'loading'; progress: LoadProgress | undefined }
  | { kind: 'ready'; engine: Engine }
  | { kind: 'failed'; fault: Fault };

/** Loads one engine at a time; loading another, or disposing, ends what was before. */
export class EngineLoader {
  state: LoadState = { kind: 'idle' };
  readonly #changed: () => void;
  #controller: AbortController | undefined;

  /** @param changed called after every change of `state` */
  constructor(changed: () => void) {
    this.#changed = changed;
  }

  /** The engine, once it is ready. */
  get engine(): Engine | undefined {
    return this.state.kind === 'ready' ? this.state.engine : undefined;
  }

  /** Loads an engine. Never rejects: a failure is a state. */
  async load(createEngine: CreateEngine, options: Pick<EngineOptions, 'model' | 'contextLength'>): Promise<void> {
    this.dispose();
    const controller = new AbortController();
    this.#controller = controller;
    this.#enter({ kind: 'loading', progress: undefined });
    const onProgress = (progress: LoadProgress): void => {
      // Whatever comes late must not undo the end of loading.
      if (!controller.signal.aborted && this.state.kind === 'loading') this.#enter({ kind: 'loading', progress });
    };
    try {
      const engine = await createEngine({ ...options, onProgress, signal: controller.signal });
      if (controller.signal.aborted) await engine.dispose();
      else this.#enter({ kind: 'ready', engine });
    } catch (error) {
      if (!controller.signal.aborted) this.#enter({ kind: 'failed', fault: asFault(error) });
    }
  }

  /** Ends loading, or frees the engine. Idempotent. */
  dispose(): void {
    this.#controller?.abort();
    this.#controller = undefined;
    const engine = this.engine;
    if (this.state.kind !== 'idle') this.#enter({ kind: 'idle' });
    // Nobody waits for it, and a worker that is gone already has nothing left to free.
    void engine?.dispose().catch(() => undefined);
  }

  #enter(state: LoadState): void {
    this.state = state;
    this.#changed();
  }
}
