import { proxy, releaseProxy, transfer, wrap, type Remote } from 'comlink';
import { BambaError } from '../errors.ts';
import type { ShaderLibrary } from '../gpu/kernel.ts';
import { fetchShaders } from '../kernels/optional-shaders.ts';
import { isRepoName } from '../storage/repo-name.ts';
import { askToPersist } from '../storage/package-blobs.ts';
import { checkOptions, fullAddress } from './options.ts';
import type {
  EngineInfo,
  EngineOptions,
  GenerationEvent,
  GenerationRequest,
  TunableEngine,
  TuneEngineOptions,
  TuningResult,
} from './protocol.ts';
import { fromWire, type GenerationMessage, toWire, type WireResult, type WorkerApi } from './wire.ts';

export { deleteStoredModel, storedModels } from './stored-models.ts';

/**
 * Loads a model in a worker of its own and resolves when it can answer.
 *
 * ```ts
 * const engine = await createEngine({ model: '/models/lexicon/', onProgress: console.log });
 * for await (const event of engine.generate({ messages: [{ role: 'user', content: 'What is an apple?' }] }))
 *   if (event.type === 'text') document.body.append(event.text);
 * ```
 * @throws BambaError `webgpu_unavailable`, `adapter_limit`, `out_of_memory`, `network`, `shard_corrupt`,
 * `manifest_invalid`, `storage_full`, `unsupported_model`, `setting_invalid`, `aborted` and others; each says what to do.
 */
export async function createEngine(options: EngineOptions): Promise<TunableEngine> {
  checkOptions(options);
  if (options.signal?.aborted) throw new BambaError('aborted', 'Loading was aborted.');
  const { onProgress = () => {}, signal } = options;
  const source = sourceOf(options);
  // Not waited for: a browser may ask the person first, who may take his time.
  void askToPersist();
  const worker = await startWorker(options.worker);
  const remote = wrap<WorkerApi>(worker);
  let end: (error: BambaError) => void;
  const failed = new Promise<never>((_, reject) => {
    end = reject;
    worker.addEventListener('error', (event) => {
      reject(new BambaError('gpu_failure', `The engine's worker failed: ${event.message || 'it could not start'}.`));
    });
  });
  failed.catch(() => {}); // of interest only to those who wait for the worker
  const close = () => {
    // Whoever still waits for a worker that is gone would wait for ever.
    end(new BambaError('disposed', 'The engine was disposed. Create another one.'));
    remote[releaseProxy]();
    worker.terminate();
  };
  const onAbort = () => void remote.abortLoading();
  signal?.addEventListener('abort', onAbort);
  try {
    const loading = remote.load(source, proxy(listener(onProgress)), proxy(shaders));
    const loaded = await Promise.race([loading, failed]);
    if ('error' in loaded) throw fromWire(loaded.error);
    return new WorkerEngine(loaded.value, remote, failed, close);
  } catch (error) {
    close();
    throw error;
  } finally {
    signal?.removeEventListener('abort', onAbort);
  }
}

/**
 * By default the worker's code is inlined, and starts from a blob: it works wherever the page itself came from. It is
 * fetched only where it is needed.
 */
async function startWorker(address: string | URL | undefined): Promise<Worker> {
  const name = 'bamba-web engine';
  if (address !== undefined) return new Worker(fullAddress(address, document.baseURI), { type: 'module', name });
  const { default: InlineWorker } = await import('./worker.ts?worker&inline');
  return new InlineWorker({ name });
}

/** What only some models and options take. The worker asks for it, which may have no address to fetch from. */
async function shaders(): Promise<WireResult<ShaderLibrary>> {
  try {
    return { value: await fetchShaders() };
  } catch (error) {
    return { error: toWire(error) };
  }
}

/** What a listener throws is reported, as from any: the work that it hears of goes on. */
function listener<Progress>(onProgress: (progress: Progress) => void): (progress: Progress) => void {
  return (progress) => {
    try {
      onProgress(progress);
    } catch (error) {
      reportError(error);
    }
  };
}

/** What the worker needs to know. It may come from a blob, which has no address to take relative ones from. */
function sourceOf(options: EngineOptions): Parameters<WorkerApi['load']>[0] {
  const { model, revision, dtype, token, endpoint, files, contextLength, int8Activations, subgroupMatrices } = options;
  const named = files !== undefined || model.startsWith('device:') || isRepoName(model);
  return {
    model: named ? model : fullAddress(model, document.baseURI).href,
    ...(revision !== undefined && { revision }),
    ...(dtype !== undefined && { dtype }),
    ...(token !== undefined && { token }),
    ...(endpoint !== undefined && { endpoint }),
    ...(files !== undefined && { files }),
    ...(contextLength !== undefined && { contextLength }),
    ...(int8Activations !== undefined && { int8Activations }),
    ...(subgroupMatrices !== undefined && { subgroupMatrices }),
  };
}

/** The page's side of an engine in a worker. */
class WorkerEngine implements TunableEngine {
  readonly info: EngineInfo;
  readonly #remote: Remote<WorkerApi>;
  readonly #failed: Promise<never>;
  readonly #close: () => void;
  #disposed = false;

  constructor(info: EngineInfo, remote: Remote<WorkerApi>, failed: Promise<never>, close: () => void) {
    this.info = info;
    this.#remote = remote;
    this.#failed = failed;
    this.#close = close;
  }

  async *generate(
    request: GenerationRequest,
    { signal }: { signal?: AbortSignal } = {},
  ): AsyncGenerator<GenerationEvent, void> {
    if (this.#disposed) throw new BambaError('disposed', 'The engine was disposed. Create another one.');
    const { port1: port, port2 } = new MessageChannel();
    const waiting: GenerationMessage[] = [];
    let fault: { error: unknown } | undefined;
    let wake = () => {};
    // Once for the whole answer: a race of each message with it would add one more listener to it each time.
    this.#failed.catch((error: unknown) => {
      fault = { error };
      wake();
    });
    port.addEventListener('message', (event: MessageEvent<GenerationMessage>) => {
      waiting.push(event.data);
      wake();
    });
    port.start();
    const abort = () => port.postMessage('abort');
    signal?.addEventListener('abort', abort);
    const finished = this.#remote.generate(request, transfer(port2, [port2]));
    try {
      if (signal?.aborted) abort();
      for (;;) {
        const message = waiting.shift();
        if (!message) {
          if (fault) throw fault.error;
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
          continue;
        }
        if (message.type === 'error') throw fromWire(message.error);
        if (message.type === 'end') return;
        yield message.event;
      }
    } finally {
      signal?.removeEventListener('abort', abort);
      // Whoever leaves early waits for the worker to be free again, so that the next request is not refused.
      abort();
      await Promise.race([finished, this.#failed]).catch(() => {});
      port.close();
    }
  }

  async tune({ signal, onProgress = () => {} }: TuneEngineOptions = {}): Promise<TuningResult> {
    if (this.#disposed) throw new BambaError('disposed', 'The engine was disposed. Create another one.');
    const { port1: port, port2 } = new MessageChannel();
    const abort = () => port.postMessage('abort');
    signal?.addEventListener('abort', abort);
    try {
      if (signal?.aborted) abort();
      const running = this.#remote.tune(proxy(listener(onProgress)), transfer(port2, [port2]));
      const tuned = await Promise.race([running, this.#failed]);
      if ('error' in tuned) throw fromWire(tuned.error);
      return tuned.value;
    } finally {
      signal?.removeEventListener('abort', abort);
      port.close();
    }
  }

  async dispose(): Promise<void> {
    if (this.#disposed) return;
    this.#disposed = true;
    await Promise.race([this.#remote.dispose(), this.#failed]).catch(() => {});
    this.#close();
  }
}
