import { proxy } from 'comlink';
import { BambaError } from '../errors.ts';
import { isRepoName } from '../storage/remote/repo-name.ts';
import { askToPersist } from '../storage/packages/package-blobs.ts';
import { abortable, aborted, throwIfAborted } from '../weights/abort.ts';
import { DEADLINES, type Deadlines } from './worker/deadlines.ts';
import { checkOptions, fullAddress } from './options.ts';
import { tell } from './listeners.ts';
import type { Availability, EngineInfo, EngineOptions, EngineStatus, LoadProgress, StateEngine } from './protocol.ts';
import { browserPlaces, openShared } from './tabs/open-shared.ts';
import { asTyped, type LoadOptions, valueOf, type WireResult } from './worker/wire.ts';
import { type LoadedWorker, WorkerEngine, type WorkerLoading } from './worker/worker-engine.ts';
import { Watch, WorkerLink } from './worker/worker-link.ts';

export { deleteStoredModel, storedModels } from './loading/stored-models.ts';
export { deleteStoredStates, storedStates } from './states/stored-states.ts';

/**
 * Loads a model in a worker of its own and resolves when it can answer.
 *
 * ```ts
 * const engine = await createEngine({ model: '/models/lexicon/', onProgress: console.log });
 * for await (const event of engine.generate({ messages: [{ role: 'user', content: 'What is an apple?' }] }))
 *   if (event.type === 'text') document.body.append(event.text);
 * ```
 * @throws BambaError `webgpu_unavailable`, `adapter_limit`, `out_of_memory`, `network`, `shard_corrupt`,
 * `manifest_invalid`, `storage_full`, `unsupported_model`, `setting_invalid`, `worker_failed`, `aborted` and others; each
 * says what to do. Where `signal` is aborted, at any moment, it is `aborted`, and the worker is gone.
 */
export async function createEngine(options: EngineOptions): Promise<StateEngine> {
  return loadInWorker(options, startWorker);
}

/**
 * As `createEngine`, in the worker that `start` gives.
 * @throws BambaError as `createEngine`; none outlives the worker.
 */
export async function loadInWorker(
  options: EngineOptions,
  start: (address: EngineOptions['worker']) => Promise<Worker>,
  deadlines = DEADLINES,
  places = browserPlaces(),
): Promise<StateEngine> {
  checkOptions(options);
  const { onProgress = () => {}, shareAcrossTabs = false, signal } = options;
  throwIfAborted(signal);
  const source = sourceOf(options);
  // Not waited for: a browser may ask the person first, who may take his time.
  void askToPersist();
  const own = () => start(options.worker);
  const open = ({ onMessage, signal: ending }: WorkerLoading): Promise<WorkerLink> =>
    shareAcrossTabs
      ? openShared({ source, start: own, places, deadlines, onMessage, signal: ending })
      : own().then((worker) => new WorkerLink(worker, deadlines));
  return WorkerEngine.begin({
    load: (loading) => loadWorker(open(loading), source, loading),
    deadlines,
    onProgress,
    signal,
  });
}

/** Has a worker load a model; it is gone where that fails. @throws BambaError as `createEngine`. */
async function loadWorker(
  starting: Promise<WorkerLink>,
  source: LoadOptions,
  loading: WorkerLoading,
): Promise<LoadedWorker> {
  const { signal } = loading;
  const link = await wanted(starting, signal);
  loading.onLink(link);
  try {
    throwIfAborted(signal);
    return { link, info: await load(link, source, loading) };
  } catch (error) {
    const typed = asTyped(error);
    link.end(typed);
    throw typed;
  }
}

/**
 * Whether a model can be loaded here, before any of it is loaded. The model's description, this browser's storage and
 * the limits of the graphics adapter tell. The description is read from the network where the model is not kept; its
 * weights are not.
 *
 * ```ts
 * const found = await availability({ model: 'org/name' });
 * if (found.status === 'downloadable') offer(`${(found.bytes / 1e6).toFixed(0)} MB to download`);
 * if (found.status === 'unavailable') explain(found.reason.message);
 * ```
 * @param options those of `createEngine`
 * @throws BambaError `network`, `access_denied`, `config_invalid` and others, where the model cannot be found out about;
 * `setting_invalid`, `worker_failed`, `aborted`
 */
export async function availability(options: EngineOptions): Promise<Availability> {
  return askWorker(options, startWorker);
}

/** As `availability`, of the worker that `start` gives. @throws BambaError as `availability`; none outlives the worker. */
export async function askWorker(
  options: EngineOptions,
  start: (address: EngineOptions['worker']) => Promise<Worker>,
  deadlines?: Readonly<Deadlines>,
): Promise<Availability> {
  checkOptions(options);
  const { signal } = options;
  throwIfAborted(signal);
  const { model, revision, dtype, token, endpoint, files } = sourceOf(options);
  const source = { revision, dtype, token, endpoint, files };
  const given = Object.fromEntries(Object.entries(source).filter(([, value]) => value !== undefined));
  const starting = start(options.worker).then((worker) => new WorkerLink(worker, deadlines));
  const link = await wanted(starting, signal);
  try {
    const asking = link.ask<WireResult<Availability>>((worker) => worker.availability({ model, ...given }));
    return valueOf(await abortable(asking, signal));
  } finally {
    link.end(new BambaError('disposed', 'What was asked has been answered.'));
  }
}

/** A worker, unless the wish for it is taken back meanwhile: one that comes later is ended. */
async function wanted(starting: Promise<WorkerLink>, signal: AbortSignal | undefined): Promise<WorkerLink> {
  try {
    return await abortable(starting, signal);
  } catch (error) {
    void starting.then(
      (late) => late.end(asTyped(error)),
      () => {},
    );
    throw error;
  }
}

async function load(
  link: WorkerLink,
  source: LoadOptions,
  { onProgress, onStatus, signal }: WorkerLoading,
): Promise<EngineInfo> {
  let over = false;
  // A report that was on its way when loading ended is no news.
  const told = proxy((progress: LoadProgress) => void (over || tell(onProgress, progress)));
  const status = proxy((news: EngineStatus, info: EngineInfo) => onStatus(news, info));
  const loading = link.ask<WireResult<EngineInfo>>((worker) => worker.load(source, told, status));
  try {
    const loaded = await abortable(loading, signal);
    throwIfAborted(signal);
    return valueOf(loaded);
  } catch (error) {
    if (!signal.aborted) throw error;
    over = true;
    // The parts of the model that have come are stored first, as far as that goes quickly.
    link.ask((worker) => worker.abortLoading()).catch(() => {});
    await new Watch(loading).overWithin(link.deadlines.end);
    throw aborted(signal);
  } finally {
    over = true;
  }
}

/**
 * By default the worker's code is inlined, and starts from a blob: it works wherever the page itself came from. It is
 * fetched only where it is needed.
 * @throws BambaError `worker_failed`, `setting_invalid`.
 */
async function startWorker(address: string | URL | undefined): Promise<Worker> {
  const name = 'bamba-web engine';
  const url = address === undefined ? null : fullAddress(address, document.baseURI);
  try {
    if (url) return new Worker(url, { type: 'module', name });
    const { default: InlineWorker } = await import('./worker/worker.ts?worker&inline');
    return new InlineWorker({ name });
  } catch (cause) {
    throw new BambaError(
      'worker_failed',
      `The engine's worker could not be started: ${(cause as Error).message}. Check the connection and reload the page; ` +
        'a worker has to be on the page’s own origin, and its Content-Security-Policy has to allow it.',
      { cause },
    );
  }
}

/**
 * The options that the worker needs. The worker may come from a blob, which has no address to take relative ones from.
 */
function sourceOf({
  worker: _worker,
  onProgress: _onProgress,
  signal: _signal,
  shareAcrossTabs: _shareAcrossTabs,
  ...options
}: EngineOptions): LoadOptions {
  const { model, files } = options;
  const named = files !== undefined || model.startsWith('device:') || isRepoName(model);
  return { ...options, model: named ? model : fullAddress(model, document.baseURI).href };
}
