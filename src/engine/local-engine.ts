import { asBambaError, BambaError } from '../errors.ts';
import { isPrefix } from '../generate/state-tree.ts';
import { checkRopeScaling } from '../architecture/rope-scaling.ts';
import type { GpuOptions } from '../gpu/device.ts';
import { MOST_SLOTS } from '../gpu/plan.ts';
import { CACHE_TYPES, type CacheType } from '../kernels/attention/kv-cache.ts';
import { STATE_TYPES, type StateType } from '../model/state-converter.ts';
import { type TuneOptions, TUNING_TOKENS, tuneModel } from '../model/tune.ts';
import type { PackageDescription, PackageSource } from '../storage/packages/package-source.ts';
import { throwIfAborted } from '../weights/abort.ts';
import { isRecord } from '../weights/untrusted-json.ts';
import { AnswerCourse, type ResumePoint } from './answers/answer-course.ts';
import { answerRequest, requireKnown } from './answers/answer.ts';
import { AnswerForms } from './answers/answer-form.ts';
import type { Ensemble } from './answers/ensemble.ts';
import { Hold } from './answers/hold.ts';
import { checkBytes } from './states/check-bytes.ts';
import { describeEngine, requireSame } from './describe.ts';
import { GpuSide } from './loading/gpu-side.ts';
import { Listeners } from './listeners.ts';
import type { OpenModel } from './loading/open-model.ts';
import { type Precision, PRECISION_NAMES, PRECISIONS, SPECULATIONS } from './options.ts';
import type {
  BatchOptions,
  ChatMessage,
  DetokenizeOptions,
  EngineInfo,
  EngineStatus,
  GenerateOptions,
  GenerationEvent,
  GenerationRequest,
  MovedState,
  RopeScaling,
  TokenizeOptions,
  TuneEngineOptions,
  TuningResult,
} from './protocol.ts';
import { Recovery, type Tries } from './recovery.ts';
import { checkIds, parseTokenInput } from './prompts/request.ts';
import { readStateFile, writeStateFile } from './states/state-files.ts';
import { TextSide } from './prompts/text-side.ts';
import { keepTuning } from './loading/tuned.ts';
import { type TurnOptions, Turns } from './turns.ts';

export interface LocalEngineOptions {
  contextLength?: number;
  /** See `EngineOptions`. */
  ropeScaling?: RopeScaling;
  /** See `EngineOptions`. */
  precision?: Precision;
  /** See `EngineOptions`. */
  stateCacheBytes?: number;
  /** See `EngineOptions`. */
  storedStateBytes?: number;
  /** Milliseconds without a request before the states of conversations are kept. */
  quietMs?: number;
  /** See `EngineOptions`. */
  kvCacheType?: CacheType;
  /** See `EngineOptions`. */
  stateCacheType?: StateType;
  /** See `EngineOptions`. */
  batch?: BatchOptions;
  /** See `EngineOptions`. */
  speculation?: 'lookup' | 'off';
  /** Milliseconds without a second answer before the memory for several is freed. */
  batchIdleMs?: number;
  signal?: AbortSignal;
  gpu?: GpuOptions;
  /** Hears a sentence where the options ask for more than the model has, and where a load begins again. */
  onMessage?: (message: string) => void;
  /** Called as pipelines become ready, after the weights are on the GPU. */
  onCompiled?: (ready: number, total: number) => void;
  /** How often a GPU that is lost is asked for again. */
  tries?: Tries;
}

/**
 * Opens the package of a model.
 * @param tries how often the GPU was asked for since it was lost; 0 for the first load of all
 */
export type Opening = (tries: number) => Promise<OpenModel>;

/** The engine itself, in the thread that it is made in: a worker in the browser, Node for the command line. */
export class LocalEngine {
  readonly #open: Opening;
  readonly #options: LocalEngineOptions;
  readonly #side: Recovery<GpuSide>;
  /** Of requests; those that have one share the model, or take it in turn. */
  readonly #turns = new Turns(() => this.#side.thing?.ensemble.most ?? this.#most);
  /** Answers that go at once at most, as far as memory allows it. */
  #most: number;
  readonly #listeners = new Listeners<EngineStatus>();
  #text!: TextSide;
  #forms!: AnswerForms;
  #package: PackageDescription | null = null;
  #info!: EngineInfo;
  #loaded = false;
  #disposed = false;

  private constructor(open: Opening, options: LocalEngineOptions) {
    this.#open = open;
    this.#options = options;
    this.#most = options.batch?.most ?? MOST_AT_ONCE;
    const { onMessage = () => {}, tries } = options;
    this.#side = new Recovery<GpuSide>({
      make: (tried, signal) => this.#makeSide(tried, signal),
      free: (side, reason) => side.dispose(reason),
      isLoss: ({ code }) => code === 'device_lost',
      // Before there is an engine, only its load is heard of.
      onStatus: (status) => (this.#loaded ? this.#listeners.tell(status) : onMessage(status.message)),
      ...(tries && { tries }),
    });
  }

  /**
   * Loads a model. Where the GPU is lost meanwhile, that begins again.
   * @param from its package, or what opens it whenever it is loaded
   * @throws BambaError, see `Gpu.request`, `loadModel` and the package source.
   */
  static async load(
    from: PackageSource | Opening,
    { precision = 'balanced', ...others }: LocalEngineOptions = {},
  ): Promise<LocalEngine> {
    requireOneOf('precision', precision, PRECISION_NAMES);
    const options = { ...PRECISIONS[precision], speculation: SPECULATIONS[0], ...others };
    const { kvCacheType, stateCacheType } = options;
    requireWhole('contextLength', options.contextLength, 1);
    if (options.ropeScaling !== undefined) checkRopeScaling(options.ropeScaling);
    requireWhole('stateCacheBytes', options.stateCacheBytes, 0);
    requireWhole('storedStateBytes', options.storedStateBytes, 0);
    requireWhole('batch.most', options.batch?.most, 1, MOST_SLOTS);
    requireWhole('batch.chunksPerStep', options.batch?.chunksPerStep, 1);
    requireOneOf('speculation', options.speculation, SPECULATIONS);
    requireOneOf('kvCacheType', kvCacheType, CACHE_TYPES);
    requireOneOf('stateCacheType', stateCacheType, STATE_TYPES);
    throwIfAborted(options.signal);
    const open = typeof from === 'function' ? from : async () => ({ source: from, close() {} });
    const engine = new LocalEngine(open, options);
    try {
      await engine.#side.begin();
      engine.#loaded = true;
      return engine;
    } catch (error) {
      engine.dispose();
      throw error;
    }
  }

  /** The loaded model, and the adapter that runs it; after a loss that may be another one. */
  get info(): EngineInfo {
    return this.#info;
  }

  /** The answers that are under way; null while the GPU is lost. */
  get ensemble(): Ensemble | null {
    return this.#side.thing?.ensemble ?? null;
  }

  /** Puts the model on the GPU, for the first time or again. */
  async #makeSide(tries: number, ending: AbortSignal): Promise<GpuSide> {
    const { signal: loading, tries: _tries, batch, batchIdleMs: idleMs, ...options } = this.#options;
    const together = {
      most: this.#most,
      chunksPerStep: batch?.chunksPerStep ?? 1,
      idleMs,
      onRoom: () => this.#turns.look(),
    };
    // The signal that ends the load does not end later work.
    const signal = loading && !this.#loaded ? AbortSignal.any([loading, ending]) : ending;
    const { source, close } = await this.#open(tries);
    try {
      if (this.#package) requireSame(this.#package, source.manifest);
      const known = this.#text as TextSide | undefined;
      const text = known ? Promise.resolve(known) : TextSide.load(source);
      const side = await GpuSide.load(source, text, { ...options, together, signal });
      this.#package = source.manifest;
      this.#text = await text;
      const { tokenizer, template, stopIds } = this.#text;
      this.#forms ??= new AnswerForms(tokenizer, template, side.model.architecture.vocabSize, stopIds);
      this.#info = describeEngine(source.manifest, side, this.#text);
      void side.gpu.lost.then((loss) => this.#side.lose(side, asLoss(loss)));
      return side;
    } catch (error) {
      // A device that is destroyed while it is loaded is as lost as any.
      throw signal.aborted ? error : asLoss(asBambaError(error));
    } finally {
      close();
    }
  }

  /**
   * Answers one request, beside those that were asked before or after them. See `Engine.generate`. Where the GPU is lost, the
   * answer goes on from its tokens once the model is there again.
   * @param resume what the answer has already, from another engine with this model; the request has a seed then
   * @throws BambaError `busy`, `aborted`, `disposed`, `setting_invalid`, `prompt_empty`, `prompt_too_long`,
   * `template_failed`, and where the GPU does not come back `device_lost`, `webgpu_unavailable`, `gpu_failure`,
   * `out_of_memory`.
   */
  async *generate(
    request: GenerationRequest,
    { signal, queue, resume }: GenerateOptions & { resume?: ResumePoint } = {},
  ): AsyncGenerator<GenerationEvent, void> {
    const leave = await this.#occupy({ signal, queue });
    try {
      const course = new AnswerCourse(resume);
      for (;;) {
        const side = await this.#side.get(signal).catch((error: unknown) => {
          if (signal?.aborted && !this.#disposed) return null;
          throw error;
        });
        if (!side) {
          yield* course.abort();
          return;
        }
        const leaveSide = side.ensemble.enter();
        try {
          side.gpu.check();
          const { model, ensemble, states, kept, overflow } = side;
          const message = kept.takeMessage();
          if (message !== undefined) yield { type: 'notice', message };
          const answering = { model, ensemble, states, kept, overflow, text: this.#text, forms: this.#forms };
          yield* answerRequest(answering, request, signal, course);
          this.#side.noteWork(side);
          return;
        } catch (error) {
          const fault = await this.#noteFault(side, error);
          if (!SPOILING.has(fault.code) || this.#disposed || !course.mayGoOn(fault)) throw fault;
        } finally {
          leaveSide();
        }
      }
    } finally {
      leave();
    }
  }

  /** Finds out what is wrong; where the GPU has to do with it, nothing of it is used any more. */
  async #noteFault(side: GpuSide, error: unknown): Promise<BambaError> {
    const typed = asBambaError(await side.gpu.explain(error));
    const fault = this.#disposed ? typed : asLoss(typed);
    // Where there was no memory for several, they go one after the other from now on.
    if (fault.code === 'out_of_memory' && side.ensemble.bytes > 0) this.#most = 1;
    if (SPOILING.has(fault.code)) this.#side.lose(side, fault);
    return fault;
  }

  /** Tries sizes and keeps the fastest for this adapter. See `TunableEngine.tune`; it throws the same. */
  async tune({
    signal,
    queue,
    onProgress = () => {},
    ...sizes
  }: TuneEngineOptions & Pick<TuneOptions, 'candidates'> = {}): Promise<TuningResult> {
    return this.#alone({ signal, queue, alone: true }, async ({ gpu, model, ensemble }) => {
      ensemble.free();
      if (model.contextLength < TUNING_TOKENS) {
        throw new BambaError(
          'setting_invalid',
          `Tuning takes a context of ${TUNING_TOKENS} tokens or more, and there are ${model.contextLength}: load the model with them.`,
        );
      }
      const report = await tuneModel(model, {
        ...sizes,
        ...(signal && { signal }),
        onTrial: (trial, done, total) => onProgress({ trial, done, total }),
      });
      const kept = await keepTuning(gpu, report.tuning).then(
        () => true,
        () => false,
      );
      return { ...report, kept };
    });
  }

  /** The state of a chat as bytes. See `StateEngine`; it throws the same. */
  async exportState(
    messages: readonly ChatMessage[],
    { signal }: { signal?: AbortSignal } = {},
  ): Promise<Uint8Array<ArrayBuffer>> {
    return this.#alone({ signal }, async (side) => {
      const ids = await this.#chatIds(side, messages, signal);
      const { position } = await side.states.resume(ids);
      await side.model.prefill(ids.slice(position), { logits: true, ...(signal && { signal }) });
      await side.states.keep('prompt', { logits: true });
      return writeStateFile(await side.owner(), { messages });
    });
  }

  /** Makes the state of a chat known that was exported. See `StateEngine`; it throws the same. */
  async importState(bytes: Uint8Array, { signal }: { signal?: AbortSignal } = {}): Promise<MovedState> {
    const file = checkBytes(bytes);
    return this.#alone({ signal }, async (side) => {
      let messages: readonly ChatMessage[] = [];
      await readStateFile(await side.owner(), file, async ({ tokens, extra }) => {
        if (!isRecord(extra)) throw strangeText();
        ({ messages } = extra as Pick<MovedState, 'messages'>);
        const ids = await this.#chatIds(side, messages, signal).catch((error: unknown) => {
          throw error instanceof BambaError && error.code === 'aborted' ? error : strangeText(error);
        });
        if (ids.length !== tokens.length || !isPrefix(ids, tokens)) throw strangeText();
      });
      await side.states.keep('prompt', { logits: true });
      return { messages, tokens: side.model.state.position };
    });
  }

  /** Does `work` in a turn of its own. @throws BambaError as `Turns.take`; what it throws. */
  async #alone<Result>(options: TurnOptions, work: (side: GpuSide) => Promise<Result>): Promise<Result> {
    const leave = await this.#occupy(options);
    try {
      const side = await this.#side.get(options.signal);
      try {
        side.gpu.check();
        const hold = await Hold.take(side.ensemble, { signal: options.signal });
        try {
          return await work(side);
        } finally {
          hold.release();
        }
      } catch (error) {
        throw await this.#noteFault(side, error);
      }
    } finally {
      leave();
    }
  }

  /** Ids of a chat up to the end of its last message. */
  async #chatIds(
    { model, overflow }: GpuSide,
    messages: readonly ChatMessage[],
    signal: AbortSignal | undefined,
  ): Promise<readonly number[]> {
    const ids = await this.#text.encode(parseTokenInput(messages, { readAhead: true }), signal);
    overflow.require(ids.length);
    requireKnown(ids, model.architecture.vocabSize);
    return ids;
  }

  /**
   * Waits for the turn, in which no state is written.
   * @returns what gives it to the next one
   * @throws BambaError as `Turns.take`
   */
  async #occupy(options: TurnOptions): Promise<() => void> {
    const leave = await this.#turns.take(options);
    this.#side.thing?.kept.pause();
    return () => {
      leave();
      if (this.#turns.taken === 0) this.#side.thing?.kept.resume();
    };
  }

  /** How many tokens a chat or a text has. See `TokenizingEngine`; it throws the same. */
  async countTokens(input: string | readonly ChatMessage[], options?: TokenizeOptions): Promise<number> {
    return (await this.tokenize(input, options)).length;
  }

  /** The tokens of a chat or a text. See `TokenizingEngine`; it throws the same. */
  async tokenize(
    input: string | readonly ChatMessage[],
    { signal, ...options }: TokenizeOptions = {},
  ): Promise<number[]> {
    this.#requireUse();
    return [...(await this.#text.encode(parseTokenInput(input, options), signal))];
  }

  /** The text of tokens. See `TokenizingEngine`; it throws the same. */
  async detokenize(ids: readonly number[], { skipSpecialTokens = false }: DetokenizeOptions = {}): Promise<string> {
    this.#requireUse();
    return this.#text.tokenizer.decode(checkIds(ids), { skipSpecialTokens });
  }

  /** @throws BambaError `disposed`. */
  #requireUse(): void {
    if (this.#disposed) throw disposed();
  }

  /** Hears of losses of the GPU, and what becomes of them. See `Engine.onStatus`. */
  onStatus(listener: (status: EngineStatus) => void): () => void {
    return this.#listeners.add(listener);
  }

  /** Frees the GPU. Idempotent. */
  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.#turns.end(disposed());
    void this.#side.end(disposed());
  }
}

/** Answers that go at once where nobody says how many. */
const MOST_AT_ONCE = 8;

/** Faults after which nobody knows what is on the GPU. */
const SPOILING: ReadonlySet<string> = new Set(['device_lost', 'gpu_failure', 'out_of_memory']);

/** A device that is gone although nobody here wished it. */
function asLoss(error: BambaError): BambaError {
  if (error.code !== 'disposed') return error;
  return new BambaError(
    'device_lost',
    'The GPU device was destroyed. Load the model again; if it happens again, close other programs that use the GPU.',
    { cause: error },
  );
}

function disposed(): BambaError {
  return new BambaError('disposed', 'The engine was disposed. Create another one.');
}

/** @throws BambaError `setting_invalid` unless it is left out, or a whole number from `least` to `most`. */
function requireWhole(option: string, value: number | undefined, least: number, most = Infinity): void {
  if (value === undefined || (Number.isSafeInteger(value) && value >= least && value <= most)) return;
  const range = most === Infinity ? `from ${least} on` : `from ${least} to ${most}`;
  throw new BambaError('setting_invalid', `${option} is ${value}; give a whole number ${range}.`);
}

/** @throws BambaError `setting_invalid` unless it is one of these. */
function requireOneOf(option: string, value: string, known: readonly string[]): void {
  if (known.includes(value)) return;
  throw new BambaError('setting_invalid', `${option} is ${JSON.stringify(value)}; give one of: ${known.join(', ')}.`);
}

/** The error for a state that says it is of a text of which it is not. */
function strangeText(cause?: unknown): BambaError {
  return new BambaError(
    'state_invalid',
    'The kept state is not that of the messages that came with it. The conversation can be begun anew from its text.',
    { cause },
  );
}
