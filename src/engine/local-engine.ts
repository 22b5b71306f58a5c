import { BambaError } from '../errors.ts';
import { generateIds } from '../generate/generate.ts';
import { defaultBudget, PrefixCache } from '../generate/prefix-cache.ts';
import { resolveSampling } from '../generate/sampling.ts';
import { generateStepwise } from '../generate/stepwise.ts';
import { Gpu, type GpuOptions } from '../gpu/device.ts';
import { CACHE_TYPES, type CacheType } from '../kernels/attention/kv-cache.ts';
import type { Model } from '../model/model.ts';
import { stateBytes } from '../model/state.ts';
import { STATE_TYPES, type StateType } from '../model/state-converter.ts';
import { type TuneOptions, TUNING_TOKENS, tuneModel } from '../model/tune.ts';
import type { PackageSource } from '../storage/packages/package-source.ts';
import { abortable, throwIfAborted } from '../weights/abort.ts';
import { AnswerForms } from './answer-form.ts';
import { AnswerText, spelledLogprobs } from './answer-text.ts';
import { loadModel } from './load.ts';
import { DEFAULT_CACHE_TYPE } from './options.ts';
import type {
  ChatMessage,
  DetokenizeOptions,
  EngineInfo,
  FinishReason,
  GenerationEvent,
  GenerationRequest,
  TokenizeOptions,
  TuneEngineOptions,
  TuningResult,
  Usage,
} from './protocol.ts';
import { checkIds, type ParsedRequest, parseRequest, parseTokenInput } from './request.ts';
import { TextSide } from './text-side.ts';
import { keepTuning, storedTuning } from './tuned.ts';

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
  readonly #prefixes: PrefixCache;
  readonly #forms: AnswerForms;
  #busy = false;
  #disposed = false;

  private constructor(info: EngineInfo, gpu: Gpu, model: Model, text: TextSide, stateCacheBytes: number | undefined) {
    this.info = info;
    this.#gpu = gpu;
    this.#model = model;
    this.#text = text;
    const budget = stateCacheBytes ?? defaultBudget(gpu.limits.maxBufferSize, model.bytes.weights);
    this.#prefixes = new PrefixCache(model, budget);
    this.#forms = new AnswerForms(text.tokenizer, text.template, model.architecture.vocabSize, text.stopIds);
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
   * Answers one request. See `Engine.generate`.
   * @throws BambaError `busy`, `disposed`, `setting_invalid`, `prompt_empty`, `prompt_too_long`, `template_failed`,
   * `device_lost`, `gpu_failure`, `out_of_memory`.
   */
  async *generate(
    request: GenerationRequest,
    { signal }: { signal?: AbortSignal } = {},
  ): AsyncGenerator<GenerationEvent, void> {
    this.#occupy();
    try {
      this.#gpu.check();
      yield* this.#answer(request, signal);
    } catch (error) {
      throw await this.#gpu.explain(error);
    } finally {
      this.#busy = false;
    }
  }

  /** Tries sizes and keeps the fastest for this adapter. See `TunableEngine.tune`; it throws the same. */
  async tune({
    signal,
    onProgress = () => {},
    ...sizes
  }: TuneEngineOptions & Pick<TuneOptions, 'candidates'> = {}): Promise<TuningResult> {
    this.#occupy();
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
      this.#busy = false;
    }
  }

  /** @throws BambaError `disposed`, `busy`. */
  #occupy(): void {
    this.#requireUse();
    if (this.#busy) {
      throw new BambaError('busy', 'The engine is busy with another request. Wait for its end, or abort it.');
    }
    this.#busy = true;
  }

  async *#answer(request: GenerationRequest, signal: AbortSignal | undefined): AsyncGenerator<GenerationEvent, void> {
    const model = this.#model;
    const { tokenizer, stopIds, defaults } = this.#text;
    const parsed = parseRequest(request);
    const values = resolveSampling(parsed.sampling, defaults.sampling, model.architecture.vocabSize);
    const { constraint, ...form } = this.#forms.of(parsed);
    const answer = new AnswerText(tokenizer, parsed.stop, form);
    const promptIds = await this.#encode(parsed, signal).catch(nullIfAborted);
    if (promptIds === null) {
      yield { type: 'end', finishReason: 'abort', usage: NO_USAGE };
      return;
    }
    if ('messages' in parsed.input && parsed.input.continueLast) answer.goOnFrom(promptIds);
    const limit = Math.min(parsed.maxTokens, model.contextLength - promptIds.length);

    const started = performance.now();
    const cachedTokens = await this.#prefixes.resume(promptIds);
    let prefilled = started;
    let firstToken = 0;
    let completionTokens = 0;
    const end = (finishReason: FinishReason): GenerationEvent => {
      const now = performance.now();
      const decodeMs = firstToken === 0 ? 0 : now - firstToken;
      const usage: Usage = {
        promptTokens: promptIds.length,
        cachedTokens,
        completionTokens,
        timeToFirstTokenS: firstToken === 0 ? 0 : (firstToken - started) / 1000,
        prefillTokensPerS: perSecond(promptIds.length - cachedTokens, prefilled - started),
        decodeTokensPerS: perSecond(completionTokens - 1, decodeMs),
      };
      return { type: 'end', finishReason, usage };
    };

    try {
      yield* this.#prefill(promptIds, cachedTokens, signal);
    } catch (error) {
      nullIfAborted(error);
      yield end('abort');
      return;
    }
    await this.#prefixes.keep();
    prefilled = performance.now();
    if (limit === 0) {
      yield end('length');
      return;
    }

    const settings = { values, limit, stopIds, promptIds };
    const { logprobs } = parsed;
    const pieces =
      constraint || logprobs !== undefined
        ? generateStepwise(model, settings, { constraint, logprobs })
        : generateIds(model, settings);
    for await (const piece of pieces) {
      firstToken ||= performance.now();
      completionTokens += piece.ids.length;
      const ended = piece.ended && stopIds.includes(piece.ids.at(-1) ?? -1);
      const steps = [answer.push(ended ? piece.ids.slice(0, -1) : piece.ids)];
      const stopped = () => steps.some((step) => step.stopped);
      if (!stopped() && (piece.ended || signal?.aborted)) steps.push(answer.finish());
      const text = steps.map((step) => step.text).join('');
      if (text !== '' || piece.ids.length > 0) {
        const named = piece.logprobs
          ? { logprobs: spelledLogprobs(tokenizer, ended ? piece.logprobs.slice(0, -1) : piece.logprobs) }
          : {};
        yield { type: 'text', text, ids: piece.ids, ...named };
      }
      for (const call of steps.flatMap(({ calls }) => calls)) yield { type: 'toolCall', call };
      const reason = stopped() || ended ? 'stop' : piece.ended ? 'length' : signal?.aborted ? 'abort' : null;
      if (reason) {
        yield end(reason);
        return;
      }
    }
  }

  /** Runs the part of the prompt that the live sequence does not hold yet, reporting how far it is. */
  async *#prefill(
    promptIds: readonly number[],
    cachedTokens: number,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<GenerationEvent, void> {
    const total = promptIds.length;
    const done: number[] = [];
    let wake = () => {};
    const running = this.#model
      .prefill(promptIds.slice(cachedTokens), {
        logits: true,
        ...(signal ? { signal } : {}),
        onChunk: (tokens) => {
          done.push(cachedTokens + tokens);
          wake();
        },
      })
      .then(
        () => null,
        (error: unknown) => ({ error }),
      );
    yield { type: 'prefill', processed: cachedTokens, total };
    let fault: { error: unknown } | null | undefined;
    while (fault === undefined) {
      const chunk = new Promise<undefined>((resolve) => {
        wake = () => resolve(undefined);
      });
      // A chunk that was done while the event was being taken has woken nobody.
      fault = done.length > 0 ? undefined : await Promise.race([chunk, running]);
      for (const processed of done.splice(0)) yield { type: 'prefill', processed, total };
    }
    if (fault) throw fault.error;
  }

  /** Ids of a request's prompt. @throws BambaError `prompt_empty`, `prompt_too_long`, `template_failed`, `aborted`. */
  async #encode(parsed: ParsedRequest, signal: AbortSignal | undefined): Promise<readonly number[]> {
    const ids = await this.#text.encode(parsed, signal);
    if (ids.length === 0) throw new BambaError('prompt_empty', 'The prompt is empty: there is nothing to answer.');
    const { contextLength } = this.#model;
    if (ids.length >= contextLength) {
      throw new BambaError(
        'prompt_too_long',
        `The prompt has ${ids.length} tokens, and the context has room for ${contextLength} with the answer. ` +
          'Shorten it or start a new chat.',
      );
    }
    const unknown = ids.find((id) => id >= this.#model.architecture.vocabSize);
    if (unknown !== undefined) {
      throw new BambaError('config_invalid', `The prompt has token id ${unknown}, which the model does not have.`);
    }
    return ids;
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
    if (this.#disposed) throw new BambaError('disposed', 'The engine was disposed. Create another one.');
  }

  /** Frees the GPU. Idempotent. */
  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.#prefixes.clear();
    this.#model.dispose();
    this.#gpu.dispose();
  }
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

/** Of a request that ended before its prompt was known. */
const NO_USAGE: Usage = {
  promptTokens: 0,
  cachedTokens: 0,
  completionTokens: 0,
  timeToFirstTokenS: 0,
  prefillTokensPerS: 0,
  decodeTokensPerS: 0,
};

function nullIfAborted(error: unknown): null {
  if (error instanceof BambaError && error.code === 'aborted') return null;
  throw error;
}

function perSecond(count: number, ms: number): number {
  return count > 0 && ms > 0 ? (1000 * count) / ms : 0;
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
