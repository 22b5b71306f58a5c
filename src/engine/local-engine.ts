import { BambaError } from '../errors.ts';
import { defaultBudget, PrefixCache } from '../generate/prefix-cache.ts';
import { Gpu, type GpuOptions } from '../gpu/device.ts';
import { CACHE_TYPES, type CacheType } from '../kernels/attention/kv-cache.ts';
import type { Model } from '../model/model.ts';
import { stateBytes } from '../model/state.ts';
import { STATE_TYPES, type StateType } from '../model/state-converter.ts';
import { type TuneOptions, TUNING_TOKENS, tuneModel } from '../model/tune.ts';
import type { PackageSource } from '../storage/packages/package-source.ts';
import { abortable, throwIfAborted } from '../weights/abort.ts';
import { type Answering, answerRequest } from './answer.ts';
import { AnswerForms } from './answer-form.ts';
import { loadModel } from './load.ts';
import { DEFAULT_CACHE_TYPE } from './options.ts';
import type {
  ChatMessage,
  DetokenizeOptions,
  EngineInfo,
  GenerateOptions,
  GenerationEvent,
  GenerationRequest,
  TokenizeOptions,
  TuneEngineOptions,
  TuningResult,
} from './protocol.ts';
import { checkIds, parseTokenInput } from './request.ts';
import { TextSide } from './text-side.ts';
import { keepTuning, storedTuning } from './tuned.ts';
import { Turns } from './turns.ts';

export interface LocalEngineOptions {
  contextLength?: number;
  /** See `EngineOptions`. */
  int8Activations?: boolean;
  /** See `EngineOptions`. */
  subgroupMatrices?: boolean;
  /** See `EngineOptions`. */
  stateCacheBytes?: number;
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
  #disposed = false;

  private constructor(info: EngineInfo, gpu: Gpu, model: Model, text: TextSide, stateCacheBytes: number | undefined) {
    this.info = info;
    this.#gpu = gpu;
    this.#model = model;
    this.#text = text;
    const budget = stateCacheBytes ?? defaultBudget(gpu.limits.maxBufferSize, model.bytes.weights);
    this.#answering = {
      model,
      text,
      prefixes: new PrefixCache(model, budget),
      forms: new AnswerForms(text.tokenizer, text.template, model.architecture.vocabSize, text.stopIds),
    };
  }

  /** @throws BambaError, see `Gpu.request`, `loadModel` and the package source. */
  static async load(source: PackageSource, options: LocalEngineOptions = {}): Promise<LocalEngine> {
    const { subgroupMatrices = false, stateCacheBytes, kvCacheType = DEFAULT_CACHE_TYPE, signal } = options;
    const { stateCacheType = 'f32' } = options;
    requireWhole('contextLength', options.contextLength, 1);
    requireWhole('stateCacheBytes', stateCacheBytes, 0);
    requireOneOf('kvCacheType', kvCacheType, CACHE_TYPES);
    requireOneOf('stateCacheType', stateCacheType, STATE_TYPES);
    throwIfAborted(signal);
    const loadingText = TextSide.load(source);
    loadingText.catch(() => {}); // without a GPU, nobody asks for it
    const gpu = await Gpu.request({ subgroupMatrices, ...options.gpu });
    try {
      const [text, tuning] = await abortable(Promise.all([loadingText, storedTuning(gpu)]), signal);
      const model = await loadModel(gpu, source, { ...options, kvCacheType, tuning });
      return new LocalEngine(describe(source, gpu, model, text, tuning !== null), gpu, model, text, stateCacheBytes);
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
    const leave = await this.#turns.take({ signal, queue });
    try {
      this.#gpu.check();
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
    const leave = await this.#turns.take({ signal, queue });
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
    this.#answering.prefixes.clear();
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
