// Loading an engine, as a state that a view can draw: what is happening, how far it is, what went wrong.

import type { Engine, LoadProgress } from '../engine/protocol.ts';
import { asBambaError, type BambaError } from '../errors.ts';
import { claimEngine, queued, type Claim, type CreateEngine, type SharedOptions } from './engines.ts';

/** Where loading stands. */
export type LoadState =
  | { kind: 'idle' }
  | { kind: 'loading'; progress: LoadProgress | undefined }
  | { kind: 'ready'; engine: Engine }
  | { kind: 'failed'; fault: BambaError };

/** Holds one engine at a time; loading another, or disposing, lets go of what was before. */
export class EngineLoader {
  state: LoadState = { kind: 'idle' };
  readonly #changed: () => void;
  #claim: Claim | undefined;
  /** Counts what was begun: whatever belongs to an earlier one comes late, and is not heard. */
  #attempt = 0;

  /** @param changed called after every change of `state` */
  constructor(changed: () => void) {
    this.#changed = changed;
  }

  /** The engine, once it is ready. */
  get engine(): Engine | undefined {
    return this.state.kind === 'ready' ? this.state.engine : undefined;
  }

  /** Loads an engine, or joins others that have it. Never rejects: a failure is a state. */
  async load(create: CreateEngine, options: SharedOptions): Promise<void> {
    this.dispose();
    const attempt = this.#attempt;
    const current = (): boolean => this.#attempt === attempt;
    this.#enter({ kind: 'loading', progress: undefined });
    this.#claim = claimEngine(create, options, (progress) => {
      // A late report must not undo the end of loading.
      if (current() && this.state.kind === 'loading') this.#enter({ kind: 'loading', progress });
    });
    try {
      const engine = await this.#claim.engine;
      if (current()) this.#enter({ kind: 'ready', engine });
    } catch (error) {
      if (current()) this.#enter({ kind: 'failed', fault: asBambaError(error) });
    }
  }

  /** Takes an engine that somebody else has made, and will dispose of. */
  use(engine: Engine): void {
    this.dispose();
    this.#enter({ kind: 'ready', engine: queued(engine) });
  }

  /** Ends loading, or gives the engine back. Idempotent. */
  dispose(): void {
    this.#attempt++;
    this.#claim?.release();
    this.#claim = undefined;
    if (this.state.kind !== 'idle') this.#enter({ kind: 'idle' });
  }

  #enter(state: LoadState): void {
    this.state = state;
    this.#changed();
  }
}
