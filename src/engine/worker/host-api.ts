import { transfer } from 'comlink';
import type { Locks } from '../../storage/store/locks.ts';
import { modelAvailability } from '../loading/availability.ts';
import type { LocalEngine } from '../local-engine.ts';
import type { EngineInfo, EngineStatus, LoadProgress } from '../protocol.ts';
import type { ServedTab } from '../tabs/served-tab.ts';
import { type GenerationMessage, type LoadOptions, toWire, type WireResult, type WorkerApi } from './wire.ts';

// Calls of whoever uses an engine from outside its worker. Errors cross as data, generation streams over a port of its own.

/** A listener to an engine's news. */
export interface Hearer {
  onProgress: (progress: LoadProgress) => void | Promise<void>;
  onStatus: (status: EngineStatus, info: EngineInfo) => void | Promise<void>;
}

/** The host of the engine. */
export interface Host {
  /** The browser's locks; null where it has none. */
  readonly locks: Locks | null;
  /** @throws BambaError `disposed`. */
  readonly engine: LocalEngine;
  /**
   * Loads the engine, or waits for it with those who asked before.
   * @param gone ends the hearing
   */
  load(options: LoadOptions, hearer: Hearer, gone?: AbortSignal): Promise<WireResult<EngineInfo>>;
}

/**
 * @param tab that calls, whose wishes end with it; left out, it is the worker's own page
 * @returns what ends the engine, and serves others, is the own page's alone: here it does nothing, or ends the tab's service
 */
export function hostApi(host: Host, tab?: ServedTab): WorkerApi {
  const gone = tab?.signal;

  /** The engine's answer, unless the caller takes its question back over `port`, or is gone. */
  async function answered<Value>(
    port: MessagePort,
    work: (engine: LocalEngine, signal: AbortSignal) => Promise<Value>,
  ): Promise<WireResult<Value>> {
    const abort = new AbortController();
    port.addEventListener('message', () => abort.abort());
    port.start();
    try {
      const signal = gone ? AbortSignal.any([abort.signal, gone]) : abort.signal;
      return { value: await work(host.engine, signal) };
    } catch (error) {
      return { error: toWire(error) };
    } finally {
      port.close();
    }
  }

  return {
    ping() {},
    holdLife: (lock) => holdLife(host.locks, lock),
    serve: async () => false,
    load: (options, onProgress, onStatus) => host.load(options, { onProgress, onStatus }, gone),
    abortLoading() {},

    async availability(model) {
      try {
        return { value: await modelAvailability(model) };
      } catch (error) {
        return { error: toWire(error) };
      }
    },

    async generate(request, resume, port, queue) {
      const post = (message: GenerationMessage) => port.postMessage(message);
      await answered(port, async (engine, signal) => {
        try {
          const options = { signal, queue, ...(resume && { resume }) };
          for await (const event of engine.generate(request, options)) post({ type: 'event', event });
          post({ type: 'end' });
        } catch (error) {
          post({ type: 'error', error: toWire(error) });
        }
      });
    },

    tune: (onProgress, port, queue) =>
      answered(port, async (engine, signal) => {
        let told = Promise.resolve();
        const value = await engine.tune({
          signal,
          queue,
          onProgress: (progress) => {
            told = Promise.resolve(onProgress(progress));
          },
        });
        // As with loading: the result is not to overtake what led to it.
        await told;
        return value;
      }),

    tokenize: (input, options, port) =>
      answered(port, (engine, signal) => engine.tokenize(input, { ...options, signal })),

    countTokens: (input, options, port) =>
      answered(port, (engine, signal) => engine.countTokens(input, { ...options, signal })),

    detokenize: (ids, skipSpecialTokens, port) =>
      answered(port, (engine) => engine.detokenize(ids, { skipSpecialTokens })),

    async exportState(messages, port) {
      const result = await answered(port, (engine, signal) => engine.exportState(messages, { signal }));
      return 'value' in result ? transfer(result, [result.value.buffer]) : result;
    },

    importState: (bytes, port) => answered(port, (engine, signal) => engine.importState(bytes, { signal })),

    dispose: () => tab?.end(),
  };
}

async function holdLife(locks: Locks | null, lock: string): Promise<boolean> {
  if (!locks) return false;
  return new Promise((resolve, reject) => {
    const hold = () => {
      resolve(true);
      return new Promise<never>(() => {});
    };
    locks.request(lock, {}, hold).catch(reject);
  });
}
