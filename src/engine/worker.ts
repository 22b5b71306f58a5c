/**
 * The engine's worker as one file without imports, to be served where workers from blobs are not allowed, and named in
 * `createEngine({ worker })`. Pages do not import it.
 *
 * @module
 */

// One engine, called over comlink. Errors cross as data, generation streams over a port of its own.

import { expose, transfer } from 'comlink';
import { BambaError } from '../errors.ts';
import { modelAvailability } from './availability.ts';
import { LocalEngine } from './local-engine.ts';
import { openModel, type OpenModelOptions } from './open-model.ts';
import type { EngineStatus } from './protocol.ts';
import { OverallProgress, type StageReport } from './overall-progress.ts';
import { type GenerationMessage, type LoadOptions, toWire, type WireResult, type WorkerApi } from './wire.ts';

let engine: LocalEngine | null = null;
const loading = new AbortController();

const api: WorkerApi = {
  ping() {},

  async holdLife(lock) {
    const { locks } = navigator as { locks?: LockManager };
    if (!locks) return false;
    return new Promise((resolve, reject) => {
      const hold = () => {
        resolve(true);
        return new Promise<never>(() => {});
      };
      locks.request(lock, hold).catch(reject);
    });
  },

  async load(options, onProgress, onStatus) {
    const unknown = { loaded: 0, total: 0, source: 'storage', bytesPerSecond: 0, secondsLeft: Infinity } as const;
    let overall = new OverallProgress();
    /** What becomes of an engine that lost the GPU; its load is heard of as part of that. */
    let recovering: EngineStatus | null = null;
    const tell = async (stage: StageReport): Promise<void> => {
      const known = { ...unknown, ...stage };
      const progress = overall.after(known);
      if (engine && recovering) await onStatus({ ...recovering, progress }, engine.info);
      else await onProgress({ ...known, progress });
    };
    const report = (stage: StageReport): void => void tell(stage);
    try {
      report({ stage: 'manifest' });
      const loaded = await load(options, report).catch((error: unknown) => {
        if (!(error instanceof BambaError && error.code === 'checkpoint_changed') || options.files) throw error;
        report({ stage: 'manifest', message: 'The files of the model changed: loading them anew.' });
        return load(options, report);
      });
      loaded.onStatus((status) => {
        recovering = status.status === 'recovering' ? status : null;
        if (recovering) overall = new OverallProgress();
        void onStatus(status, loaded.info);
      });
      engine = loaded;
      // Progress and result cross on ports of their own: without waiting, the result could overtake what led to it.
      await tell({ stage: 'ready', loaded: 1, total: 1, secondsLeft: 0 });
      return { value: engine.info };
    } catch (error) {
      return { error: toWire(error) };
    }
  },

  async availability(model) {
    try {
      return { value: await modelAvailability(model) };
    } catch (error) {
      return { error: toWire(error) };
    }
  },

  abortLoading() {
    loading.abort();
  },

  async generate(request, resume, port) {
    const abort = new AbortController();
    const post = (message: GenerationMessage) => port.postMessage(message);
    port.addEventListener('message', () => abort.abort());
    port.start();
    try {
      if (!engine) throw new BambaError('disposed', 'No model is loaded.');
      const options = { signal: abort.signal, ...(resume && { resume }) };
      for await (const event of engine.generate(request, options)) post({ type: 'event', event });
      post({ type: 'end' });
    } catch (error) {
      post({ type: 'error', error: toWire(error) });
    } finally {
      port.close();
    }
  },

  tune: (onProgress, port) =>
    answered(port, async (loaded, signal) => {
      let told = Promise.resolve();
      const value = await loaded.tune({
        signal,
        onProgress: (progress) => {
          told = Promise.resolve(onProgress(progress));
        },
      });
      // As with loading: the result is not to overtake what led to it.
      await told;
      return value;
    }),

  tokenize: (input, options, port) =>
    answered(port, (loaded, signal) => loaded.tokenize(input, { ...options, signal })),

  countTokens: (input, options, port) =>
    answered(port, (loaded, signal) => loaded.countTokens(input, { ...options, signal })),

  detokenize: (ids, skipSpecialTokens, port) =>
    answered(port, (loaded) => loaded.detokenize(ids, { skipSpecialTokens })),

  async exportState(messages, port) {
    const result = await answered(port, (loaded, signal) => loaded.exportState(messages, { signal }));
    return 'value' in result ? transfer(result, [result.value.buffer]) : result;
  },

  importState: (bytes, port) => answered(port, (loaded, signal) => loaded.importState(bytes, { signal })),

  dispose() {
    loading.abort();
    engine?.dispose();
    engine = null;
  },
};

/** What the engine comes to, unless the page takes its question back over `port`. */
async function answered<Value>(
  port: MessagePort,
  work: (loaded: LocalEngine, signal: AbortSignal) => Promise<Value>,
): Promise<WireResult<Value>> {
  const abort = new AbortController();
  port.addEventListener('message', () => abort.abort());
  port.start();
  try {
    if (!engine) throw new BambaError('disposed', 'No model is loaded.');
    return { value: await work(engine, abort.signal) };
  } catch (error) {
    return { error: toWire(error) };
  } finally {
    port.close();
  }
}

/** A server that has nothing: what is stored is used without asking whether there is something newer. */
const NO_SERVER = async (): Promise<Response> => new Response(null, { status: 404 });

async function load(
  {
    contextLength,
    int8Activations,
    subgroupMatrices,
    stateCacheBytes,
    storedStateBytes,
    kvCacheType,
    stateCacheType,
    ...model
  }: LoadOptions,
  report: OpenModelOptions['onProgress'],
): Promise<LocalEngine> {
  const { signal } = loading;
  const open = (tries: number) =>
    // After a loss an answer may be waiting: what it was begun with is stored, as a rule.
    openModel(model, { signal, onProgress: report, ...(engine && tries === 1 && { fetch: NO_SERVER }) });
  return LocalEngine.load(open, {
    signal,
    ...(contextLength !== undefined && { contextLength }),
    ...(int8Activations !== undefined && { int8Activations }),
    ...(subgroupMatrices !== undefined && { subgroupMatrices }),
    ...(stateCacheBytes !== undefined && { stateCacheBytes }),
    ...(storedStateBytes !== undefined && { storedStateBytes }),
    ...(kvCacheType !== undefined && { kvCacheType }),
    ...(stateCacheType !== undefined && { stateCacheType }),
    onMessage: (message) => report({ stage: 'manifest', message }),
    onCompiled: (loaded, total) => report({ stage: 'compile', loaded, total }),
  });
}

// What the page said is lost then, and it would wait for an answer: thrown here, the error reaches it.
addEventListener('messageerror', () => {
  throw new Error('A message from the page could not be read.');
});
expose(api);
