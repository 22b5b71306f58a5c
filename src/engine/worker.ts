/**
 * The engine's worker as one file without imports, to be served where workers from blobs are not allowed, and named in
 * `createEngine({ worker })`. Pages do not import it.
 *
 * @module
 */

// One engine, called over comlink. Errors cross as data, generation streams over a port of its own.

import { expose } from 'comlink';
import { BambaError } from '../errors.ts';
import { LocalEngine } from './local-engine.ts';
import { openModel, type OpenModelOptions } from './open-model.ts';
import type { LoadProgress } from './protocol.ts';
import { type GenerationMessage, type LoadOptions, toWire, type WorkerApi } from './wire.ts';

let engine: LocalEngine | null = null;
const loading = new AbortController();

const api: WorkerApi = {
  ping() {},

  async load(options, onProgress) {
    const unknown = { loaded: 0, total: 0, source: 'storage', bytesPerSecond: 0, secondsLeft: Infinity } as const;
    const report = (progress: Partial<LoadProgress> & Pick<LoadProgress, 'stage'>): void => {
      void onProgress({ ...unknown, ...progress });
    };
    try {
      report({ stage: 'manifest' });
      engine = await load(options, report).catch((error: unknown) => {
        if (!(error instanceof BambaError && error.code === 'checkpoint_changed') || options.files) throw error;
        report({ stage: 'manifest', message: 'The files of the model changed: loading them anew.' });
        return load(options, report);
      });
      // Progress and result cross on ports of their own: without waiting, the result could overtake what led to it.
      await onProgress({ ...unknown, stage: 'ready', loaded: 1, total: 1, secondsLeft: 0 });
      return { value: engine.info };
    } catch (error) {
      return { error: toWire(error) };
    }
  },

  abortLoading() {
    loading.abort();
  },

  async generate(request, port) {
    const abort = new AbortController();
    const post = (message: GenerationMessage) => port.postMessage(message);
    port.addEventListener('message', () => abort.abort());
    port.start();
    try {
      if (!engine) throw new BambaError('disposed', 'No model is loaded.');
      for await (const event of engine.generate(request, { signal: abort.signal })) post({ type: 'event', event });
      post({ type: 'end' });
    } catch (error) {
      post({ type: 'error', error: toWire(error) });
    } finally {
      port.close();
    }
  },

  async tune(onProgress, port) {
    const abort = new AbortController();
    port.addEventListener('message', () => abort.abort());
    port.start();
    let told = Promise.resolve();
    try {
      if (!engine) throw new BambaError('disposed', 'No model is loaded.');
      const value = await engine.tune({
        signal: abort.signal,
        onProgress: (progress) => {
          told = Promise.resolve(onProgress(progress));
        },
      });
      // As with loading: the result is not to overtake what led to it.
      await told;
      return { value };
    } catch (error) {
      return { error: toWire(error) };
    } finally {
      port.close();
    }
  },

  dispose() {
    loading.abort();
    engine?.dispose();
    engine = null;
  },
};

async function load(
  { contextLength, int8Activations, subgroupMatrices, stateCacheBytes, ...model }: LoadOptions,
  report: OpenModelOptions['onProgress'],
): Promise<LocalEngine> {
  const { signal } = loading;
  const { source, close } = await openModel(model, { signal, onProgress: report });
  try {
    return await LocalEngine.load(source, {
      signal,
      ...(contextLength !== undefined && { contextLength }),
      ...(int8Activations !== undefined && { int8Activations }),
      ...(subgroupMatrices !== undefined && { subgroupMatrices }),
      ...(stateCacheBytes !== undefined && { stateCacheBytes }),
      onMessage: (message) => report({ stage: 'manifest', message }),
      onCompiled: (loaded, total) => report({ stage: 'compile', loaded, total }),
    });
  } finally {
    close();
  }
}

// What the page said is lost then, and it would wait for an answer: thrown here, the error reaches it.
addEventListener('messageerror', () => {
  throw new Error('A message from the page could not be read.');
});
expose(api);
