// Engines of this page. Elements that ask for the same model share one engine: a GPU has room for a model once. It answers
// as many of their questions at once as it can. An engine without users is freed.

import type {
  Engine,
  EngineInfo,
  EngineOptions,
  EngineStatus,
  GenerateOptions,
  GenerationEvent,
  GenerationRequest,
  LoadProgress,
} from '../engine/protocol.ts';
import { Turns } from '../engine/turns.ts';
import { asBambaError, BambaError, isFatal } from '../errors.ts';

/** Makes an engine, as `createEngine` of the library does. */
export type CreateEngine = (options: EngineOptions) => Promise<Engine>;

/** Options that must be equal for two elements to share an engine. */
export type SharedOptions = Pick<
  EngineOptions,
  'model' | 'dtype' | 'revision' | 'contextLength' | 'files' | 'shareAcrossTabs'
>;

/** A claim to an engine. The engine lives until its last claim is released. */
export interface Claim {
  /** Rejects as `createEngine` does, and with `aborted` once the claim is released. */
  readonly engine: Promise<Engine>;
  /** Gives the claim up, also while the engine still loads. Idempotent. */
  release(): void;
}

interface Entry {
  readonly engine: Promise<QueuedEngine>;
  readonly controller: AbortController;
  readonly listeners: Set<(progress: LoadProgress) => void>;
  claims: number;
  latest: LoadProgress | undefined;
}

const entries = new WeakMap<CreateEngine, Map<string, Entry>>();
/** Files have no name that is sure to be theirs alone: those picked together are told apart by identity. */
const fileIds = new WeakMap<object, number>();
let nextFileId = 1;

/**
 * Claims the engine for these options, which is made unless another element has it already.
 *
 * @param onProgress hears of loading from where it stands
 */
export function claimEngine(
  create: CreateEngine,
  options: SharedOptions,
  onProgress: (progress: LoadProgress) => void,
): Claim {
  const known = entries.get(create) ?? new Map<string, Entry>();
  entries.set(create, known);
  const key = keyOf(options);
  const entry: Entry = known.get(key) ?? begin(create, options, () => forget());
  const forget = (): void => {
    if (known.get(key) === entry) known.delete(key);
  };
  known.set(key, entry);
  entry.claims++;
  entry.listeners.add(onProgress);
  if (entry.latest) onProgress(entry.latest);
  let reject: (error: BambaError) => void;
  const released = new Promise<never>((_, refuse) => {
    reject = refuse;
  });
  const engine = Promise.race([entry.engine, released]);
  engine.catch(() => {}); // a waiting caller hears of it
  let held = true;
  return {
    engine,
    release() {
      if (!held) return;
      held = false;
      reject(new BambaError('aborted', 'Loading was aborted.'));
      entry.listeners.delete(onProgress);
      if (--entry.claims > 0) return;
      forget();
      entry.controller.abort();
      // Nobody waits for it, and a worker that is gone already has nothing left to free.
      void entry.engine.then((loaded) => loaded.dispose()).catch(() => undefined);
    },
  };
}

/** @param forget called when the engine cannot be made, or has failed for good: the next claim begins anew */
function begin(create: CreateEngine, options: SharedOptions, forget: () => void): Entry {
  const controller = new AbortController();
  const heard: Pick<Entry, 'listeners' | 'latest'> = { listeners: new Set(), latest: undefined };
  const onProgress = (progress: LoadProgress): void => {
    heard.latest = progress;
    for (const listener of heard.listeners) listener(progress);
  };
  const engine = create({ ...options, onProgress, signal: controller.signal }).then(
    (loaded) => new QueuedEngine(loaded, forget),
  );
  engine.catch(forget);
  return Object.assign(heard, { engine, controller, claims: 0 });
}

function keyOf({ model, dtype, revision, contextLength, files, shareAcrossTabs }: SharedOptions): string {
  if (files && !fileIds.has(files)) fileIds.set(files, nextFileId++);
  return JSON.stringify([model, dtype, revision, contextLength, files && fileIds.get(files), shareAcrossTabs]);
}

const queues = new WeakMap<Engine, QueuedEngine>();

/** The same engine with a queue before it: the same queue for everyone who asks. It is never disposed from here. */
export function queued(engine: Engine): Engine {
  const queue = queues.get(engine) ?? new QueuedEngine(engine, () => {});
  queues.set(engine, queue);
  return queue;
}

/** An engine that takes as many requests as it answers at once, and lets the others wait for their turn. */
class QueuedEngine implements Engine {
  readonly #engine: Engine;
  readonly #onFatal: () => void;
  readonly #turns = new Turns(() => this.#engine.info.atOnce ?? 1);

  /** @param onFatal called when the engine has failed for good */
  constructor(engine: Engine, onFatal: () => void) {
    this.#engine = engine;
    this.#onFatal = onFatal;
  }

  /** After a loss that may be another adapter. */
  get info(): EngineInfo {
    return this.#engine.info;
  }

  async *generate(request: GenerationRequest, options: GenerateOptions = {}): AsyncGenerator<GenerationEvent, void> {
    const { signal } = options;
    const leave = await this.#turns.take({ signal });
    try {
      yield* this.#engine.generate(request, options);
    } catch (error) {
      if (isFatal(asBambaError(error).code)) this.#onFatal();
      throw error;
    } finally {
      leave();
    }
  }

  onStatus(listener: (status: EngineStatus) => void): () => void {
    return this.#engine.onStatus?.(listener) ?? (() => {});
  }

  dispose(): Promise<void> {
    return this.#engine.dispose();
  }
}
