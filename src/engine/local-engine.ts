import { BambaError } from '../errors.ts';
import { defaultBudget, StateCache } from '../generate/state-cache.ts';
import { isPrefix } from '../generate/state-tree.ts';
import { Gpu, type GpuOptions } from '../gpu/device.ts';
import { CACHE_TYPES, type CacheType } from '../kernels/attention/kv-cache.ts';
import type { Model } from '../model/model.ts';
import { stateBytes } from '../model/state.ts';
import { STATE_TYPES, type StateType } from '../model/state-converter.ts';
import { type TuneOptions, TUNING_TOKENS, tuneModel } from '../model/tune.ts';
import type { PackageSource } from '../storage/packages/package-source.ts';
import { abortable, throwIfAborted } from '../weights/abort.ts';
import { type Answering, answerRequest, requireKnown } from './answer.ts';
import { AnswerForms } from './answer-form.ts';
import { checkBytes } from './check-bytes.ts';
import { KeptStates } from './kept-states.ts';
import { loadModel } from './load.ts';
import { Overflow } from './overflow.ts';
import { DEFAULT_CACHE_TYPE } from './options.ts';
import type {
  ChatMessage,
  DetokenizeOptions,
  EngineInfo,
  GenerateOptions,
  GenerationEvent,
  GenerationRequest,
  MovedState,
  TokenizeOptions,
  TuneEngineOptions,
  TuningResult,
} from './protocol.ts';
import { checkIds, parseTokenInput } from './request.ts';
import { stateBinding } from './state-binding.ts';
import { readStateFile, type StateOwner, writeStateFile } from './state-files.ts';
import { TextSide } from './text-side.ts';
import { keepTuning, storedTuning } from './tuned.ts';
import { type TurnOptions, Turns } from './turns.ts';

export interface LocalEngineOptions {
  contextLength?: number;
  /** See `EngineOptions`. */
  int8Activations?: boolean;
  /** See `EngineOptions`. */
  subgroupMatrices?: boolean;
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
  signal?: AbortSignal;
  gpu?: GpuOptions;
  /** Told in a sentence where what is asked for goes beyond the model. */
  onMessage?: (message: string) => void;
  /** Called as pipelines become ready, after the weights are on the GPU. */
  onCompiled?: (ready: number, total: number) => void;
}

/** The engine itself, in the thread that it is made in: a worker in the browser, Node for the command line. */
export class LocalEngine {
  readonly info: EngineInfo;
  readonly #gpu: Gpu;
  readonly #model: Model;
  readonly #text: TextSide;
  readonly #answering: Answering;
  readonly #turns = new Turns();
  readonly #owner: () => Promise<StateOwner>;
  #disposed = false;

  private constructor(
    info: EngineInfo,
    gpu: Gpu,
    model: Model,
    text: TextSide,
    owner: () => Promise<StateOwner>,
    { stateCacheBytes, storedStateBytes, quietMs }: LocalEngineOptions,
  ) {
    this.info = info;
    this.#owner = owner;
    this.#gpu = gpu;
    this.#model = model;
    this.#text = text;
    const budget = stateCacheBytes ?? defaultBudget(gpu.limits.maxBufferSize, model.bytes.weights);
    const states = new StateCache(model, budget);
    this.#answering = {
      model,
      text,
      states,
      overflow: new Overflow(text, model.contextLength),
      kept: new KeptStates(owner, states, { budget: storedStateBytes, quietMs }),
      forms: new AnswerForms(text.tokenizer, text.template, model.architecture.vocabSize, text.stopIds),
    };
  }

  /** @throws BambaError, see `Gpu.request`, `loadModel` and the package source. */
  static async load(source: PackageSource, options: LocalEngineOptions = {}): Promise<LocalEngine> {
    const { subgroupMatrices = false, kvCacheType = DEFAULT_CACHE_TYPE, stateCacheType = 'f32', signal } = options;
    requireWhole('contextLength', options.contextLength, 1);
    requireWhole('stateCacheBytes', options.stateCacheBytes, 0);
    requireWhole('storedStateBytes', options.storedStateBytes, 0);
    requireOneOf('kvCacheType', kvCacheType, CACHE_TYPES);
    requireOneOf('stateCacheType', stateCacheType, STATE_TYPES);
    throwIfAborted(signal);
    const loadingText = TextSide.load(source);
    loadingText.catch(() => {}); // without a GPU, nobody asks for it
    const gpu = await Gpu.request({ subgroupMatrices, ...options.gpu });
    try {
      const [text, tuning] = await abortable(Promise.all([loadingText, storedTuning(gpu)]), signal);
      const model = await loadModel(gpu, source, { ...options, kvCacheType, tuning });
      const owner = ownerOf(source, model);
      return new LocalEngine(describe(source, gpu, model, text, tuning !== null), gpu, model, text, owner, options);
    } catch (error) {
      const explained = await gpu.explain(error);
      gpu.dispose();
      throw explained;
    }
  }

  /**
   * Answers one request, after those that were asked before. See `Engine.generate`.
   * @throws BambaError `busy`, `aborted`, `disposed`, `setting_invalid`, `prompt_empty`, `prompt_too_long`, `template_failed`,
   * `device_lost`, `gpu_failure`, `out_of_memory`.
   */
  async *generate(
    request: GenerationRequest,
    { signal, queue }: GenerateOptions = {},
  ): AsyncGenerator<GenerationEvent, void> {
    const leave = await this.#occupy({ signal, queue });
    try {
      this.#gpu.check();
      const message = this.#answering.kept.takeMessage();
      if (message !== undefined) yield { type: 'notice', message };
      yield* answerRequest(this.#answering, request, signal);
    } catch (error) {
      throw await this.#gpu.explain(error);
    } finally {
      leave();
    }
  }

  /** Tries sizes and keeps the fastest for this adapter. See `TunableEngine.tune`; it throws the same. */
  async tune({
    signal,
    queue,
    onProgress = () => {},
    ...sizes
  }: TuneEngineOptions & Pick<TuneOptions, 'candidates'> = {}): Promise<TuningResult> {
    const leave = await this.#occupy({ signal, queue });
    try {
      this.#gpu.check();
      const { contextLength } = this.#model;
      if (contextLength < TUNING_TOKENS) {
        throw new BambaError(
          'setting_invalid',
          `Tuning takes a context of ${TUNING_TOKENS} tokens or more, and there are ${contextLength}: load the model with them.`,
        );
      }
      const report = await tuneModel(this.#model, {
        ...sizes,
        ...(signal && { signal }),
        onTrial: (trial, done, total) => onProgress({ trial, done, total }),
      });
      const kept = await keepTuning(this.#gpu, report.tuning).then(
        () => true,
        () => false,
      );
      return { ...report, kept };
    } catch (error) {
      throw await this.#gpu.explain(error);
    } finally {
      leave();
    }
  }

  /** The state of a chat as bytes. See `StateEngine`; it throws the same. */
  async exportState(
    messages: readonly ChatMessage[],
    { signal }: { signal?: AbortSignal } = {},
  ): Promise<Uint8Array<ArrayBuffer>> {
    return this.#alone(signal, async () => {
      const ids = await this.#chatIds(messages, signal);
      const { states } = this.#answering;
      const { position } = await states.resume(ids);
      await this.#model.prefill(ids.slice(position), { logits: true, ...(signal && { signal }) });
      await states.keep('prompt', { logits: true });
      return writeStateFile(await this.#owner(), { messages });
    });
  }

  /** Makes the state of a chat known that was exported. See `StateEngine`; it throws the same. */
  async importState(bytes: Uint8Array, { signal }: { signal?: AbortSignal } = {}): Promise<MovedState> {
    const file = checkBytes(bytes);
    return this.#alone(signal, async () => {
      let messages: readonly ChatMessage[] = [];
      await readStateFile(await this.#owner(), file, async ({ tokens, extra }) => {
        ({ messages } = extra as MovedState);
        const ids = await this.#chatIds(messages, signal).catch((error: unknown) => {
          throw error instanceof BambaError && error.code === 'aborted' ? error : strangeText(error);
        });
        if (ids.length !== tokens.length || !isPrefix(ids, tokens)) throw strangeText();
      });
      await this.#answering.states.keep('prompt', { logits: true });
      return { messages, tokens: this.#model.state.position };
    });
  }

  /** Does `work` in a turn of its own. @throws BambaError as `Turns.take`; what it throws. */
  async #alone<Result>(signal: AbortSignal | undefined, work: () => Promise<Result>): Promise<Result> {
    const leave = await this.#occupy({ signal });
    try {
      this.#gpu.check();
      return await work();
    } catch (error) {
      throw await this.#gpu.explain(error);
    } finally {
      leave();
    }
  }

  /** Ids of a chat up to the end of its last message. */
  async #chatIds(messages: readonly ChatMessage[], signal: AbortSignal | undefined): Promise<readonly number[]> {
    const ids = await this.#text.encode(parseTokenInput(messages, { readAhead: true }), signal);
    this.#answering.overflow.require(ids.length);
    requireKnown(ids, this.#model.architecture.vocabSize);
    return ids;
  }

  /**
   * Waits for the turn, in which no state is written.
   * @returns what gives it to the next one
   * @throws BambaError as `Turns.take`
   */
  async #occupy(options: TurnOptions): Promise<() => void> {
    const leave = await this.#turns.take(options);
    this.#answering.kept.pause();
    return () => {
      if (!this.#disposed) this.#answering.kept.resume(this.#model.state);
      leave();
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

  /** Frees the GPU. Idempotent. */
  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.#turns.end(disposed());
    this.#answering.kept.dispose();
    this.#answering.states.clear();
    this.#model.dispose();
    this.#gpu.dispose();
  }
}

function disposed(): BambaError {
  return new BambaError('disposed', 'The engine was disposed. Create another one.');
}

/** @throws BambaError `setting_invalid` unless it is left out, or a whole number from `least` on. */
function requireWhole(option: string, value: number | undefined, least: number): void {
  if (value === undefined || (Number.isSafeInteger(value) && value >= least)) return;
  throw new BambaError('setting_invalid', `${option} is ${value}; give a whole number from ${least} on.`);
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

/** What the states of a model that has just loaded are known by, once somebody asks. */
function ownerOf({ manifest, shardHashes = null }: PackageSource, model: Model): () => Promise<StateOwner> {
  let owner: Promise<StateOwner> | undefined;
  const find = async (): Promise<StateOwner> => ({
    model,
    binding: await stateBinding(manifest, shardHashes),
    name: manifest.name,
  });
  return () => (owner ??= find());
}

function describe(source: PackageSource, gpu: Gpu, model: Model, text: TextSide, tuned: boolean): EngineInfo {
  const { name, parameters, scheme } = source.manifest;
  const { vendor, architecture, description } = gpu.adapterInfo;
  const { f16, subgroups, timestamps, subgroupMatrices } = gpu.features;
  const features = Object.entries({ f16, subgroups, timestamps, subgroupMatrices }).filter(([, has]) => has);
  const { maxPositions } = model.architecture;
  const { cacheType: kvCacheType } = model.state;
  const { fixed: fixedBytes, perToken: tokenBytes } = stateBytes(model.architecture, kvCacheType);
  return {
    model: {
      name,
      parameters,
      scheme,
      bytes: model.bytes.weights,
      contextLength: model.contextLength,
      ...(model.contextLength > maxPositions && { configLength: maxPositions }),
      hasChatTemplate: text.template.exists,
      context: { kvCacheType, fixedBytes, tokenBytes },
    },
    adapter: { vendor, architecture, description, features: features.map(([feature]) => feature), tuned },
    sampling: text.defaults.sampling,
    warnings: text.warnings,
  };
}
