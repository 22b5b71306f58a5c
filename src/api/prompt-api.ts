/**
 * Chrome's Prompt API over an engine of this library. Pages that are written for `LanguageModel` run with a model of their
 * own choice, in each browser with WebGPU.
 *
 * @module
 */

import { createEngine } from './engine.ts';
import { availability } from '../engine/client.ts';
import type { EngineOptions, TokenizingEngine } from '../engine/protocol.ts';
import { Context } from './prompt-api/context.ts';
import { asFault } from './prompt-api/faults.ts';
import { isExpected, readMessages } from './prompt-api/input.ts';
import { Monitor } from './prompt-api/monitor.ts';
import { checkSampling, paramsOf, refuseExpected, samplingOf } from './prompt-api/sampling.ts';
import { LanguageModel } from './prompt-api/session.ts';
import { type Lease, type LoadEngine, SharedEngine } from './prompt-api/shared-engine.ts';
import { offered } from './prompt-api/tools.ts';
import { Turns } from './prompt-api/turns.ts';
import type {
  LanguageModelAvailability,
  LanguageModelCreateCoreOptions,
  LanguageModelCreateOptions,
  LanguageModelParams,
} from './prompt-api/types.ts';

export type { LanguageModel } from './prompt-api/session.ts';
export type * from './prompt-api/types.ts';

/** The object that pages know as `LanguageModel`: it says whether there is a model, and makes sessions with it. */
export interface LanguageModelFactory {
  /**
   * Whether a session can be made at once, after a download, or not at all.
   *
   * ```ts
   * if ((await LanguageModel.availability()) === 'downloadable') button.textContent = 'Download the model';
   * ```
   * @param options what it should be able to do
   * @throws DOMException `NetworkError` where that cannot be found out now; TypeError, RangeError for wrong options
   */
  availability(options?: LanguageModelCreateCoreOptions): Promise<LanguageModelAvailability>;
  /**
   * Makes a session. The first one loads the model, which all share.
   *
   * ```ts
   * const session = await LanguageModel.create({
   *   monitor: (monitor) => monitor.addEventListener('downloadprogress', ({ loaded }) => show(loaded)),
   * });
   * ```
   * @param options what the conversation begins with, how answers are sampled, what tells of progress
   * @throws DOMException `NotSupportedError` where there is no model for it, `NetworkError`, `QuotaExceededError` where
   * the initial prompts do not fit, `AbortError` or the signal's reason, `OperationError`; TypeError, RangeError for wrong
   * options
   */
  create(options?: LanguageModelCreateOptions): Promise<LanguageModel>;
  /**
   * Defaults and bounds of sampling. It loads the model where that is not loaded; the next session has it.
   * @returns null where there is no model
   * @throws DOMException as `create`
   */
  params(): Promise<LanguageModelParams | null>;
}

/**
 * A `LanguageModel` with a model of your own.
 *
 * ```ts
 * const LanguageModel = languageModel({ model: '/models/lexicon/' });
 * const session = await LanguageModel.create();
 * console.log(await session.prompt('What is an apple?'));
 * ```
 * The model is loaded for the first session, shared by all, and freed with the last. An engine that is given is used, and
 * not disposed of.
 * @param source options of `createEngine`, or an engine
 */
export function languageModel(source: EngineOptions | { engine: TokenizingEngine }): LanguageModelFactory {
  if ('engine' in source) {
    const lent = new SharedEngine(
      async () => source.engine,
      async () => {},
    );
    return new Factory(lent, async () => 'available');
  }
  const load: LoadEngine = ({ signal, onProgress }) =>
    createEngine({
      ...source,
      signal: source.signal ? AbortSignal.any([source.signal, signal]) : signal,
      onProgress: (progress) => {
        source.onProgress?.(progress);
        onProgress(progress);
      },
    });
  return new Factory(
    new SharedEngine(load, (engine) => engine.dispose()),
    async () => (await availability(source)).status,
  );
}

class Factory implements LanguageModelFactory {
  readonly #shared: SharedEngine;
  readonly #find: () => Promise<LanguageModelAvailability>;

  constructor(shared: SharedEngine, find: () => Promise<LanguageModelAvailability>) {
    this.#shared = shared;
    this.#find = find;
  }

  async availability(options: LanguageModelCreateCoreOptions = {}): Promise<LanguageModelAvailability> {
    checkSampling(options);
    offered(options.tools ?? []);
    if (!isExpected(options)) return 'unavailable';
    const { state } = this.#shared;
    if (state !== 'none') return state === 'ready' ? 'available' : 'downloading';
    try {
      return await this.#find();
    } catch (error) {
      throw asFault(error);
    }
  }

  async create(options: LanguageModelCreateOptions = {}): Promise<LanguageModel> {
    const { initialPrompts = [], tools = [] } = options;
    const signal = options.signal ?? new AbortController().signal;
    signal.throwIfAborted();
    checkSampling(options);
    const offer = offered(tools);
    if (!isExpected(options)) refuseExpected();
    const initial = initialPrompts.length > 0 ? readMessages(initialPrompts, false) : [];
    const monitor = new Monitor(options.monitor);
    monitor.tell(0);
    let lease: Lease | undefined;
    try {
      lease = await this.#shared.lease(signal, ({ progress }) => {
        // The last step is told when the model is here.
        if (progress < 1) monitor.tell(progress);
      });
      const { engine } = lease;
      const context = new Context(engine, { tools: offer, pinned: initial.length });
      if (initial.length > 0) {
        await Turns.of(engine).take(signal, async () => {
          await context.makeRoom(initial, { readAhead: true }, signal);
          await context.read(initial, signal);
          await context.add(initial, signal);
        });
      }
      signal.throwIfAborted();
      monitor.tell(1);
      const session = new LanguageModel({ lease, context, tools, sampling: samplingOf(options, engine.info) });
      session.destroyWith(signal);
      return session;
    } catch (error) {
      lease?.release();
      throw signal.aborted ? signal.reason : asFault(error, 'OperationError');
    }
  }

  async params(): Promise<LanguageModelParams | null> {
    try {
      return paramsOf((await this.#shared.look(new AbortController().signal)).info);
    } catch (error) {
      const explained = asFault(error, 'OperationError');
      if (explained instanceof DOMException && explained.name === 'NotSupportedError') return null;
      throw explained;
    }
  }
}
