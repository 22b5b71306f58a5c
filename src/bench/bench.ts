import { keepTuning } from '../engine/loading/tuned.ts';
import { Gpu } from '../gpu/device.ts';
import type { Architecture } from '../architecture/architecture.ts';
import { packageTensors } from '../architecture/config.ts';
import type { GpuWeights } from '../model/gpu-weights.ts';
import { decodeWork, prefillWork } from '../model/cost/work.ts';
import { Model } from '../model/model.ts';
import { tuneModel } from '../model/tune.ts';
import { planTensors } from '../weights/package-writer.ts';
import type { Scheme } from '../weights/types.ts';
import { measureBatch, roomAmongOthers } from './batch.ts';
import { type Ceilings, measureCeilings } from './ceilings.ts';
import { measureLoad } from './loading.ts';
import { measureLookup, roomOfLookup } from './lookup.ts';
import { type BenchOptions, type BenchTarget, targetName } from './options.ts';
import { packageWeights } from './package-weights.ts';
import { profileBatch, profilePass } from './profile.ts';
import type { BatchRow, BenchResult, DecodeRow, ModelFailure, ModelResult, PrefillRow } from './result.ts';
import { SHAPES } from './shapes.ts';
import { measureDecode, measurePrefill, roomFor, type SpeedSettings } from './speed.ts';
import { syntheticWeights } from './synthetic-weights.ts';
import { GpuTimer } from './timing.ts';

/** What is known so far, as it becomes known. */
export interface BenchEvents {
  /** What is being measured. */
  onProgress?: (what: string) => void;
  /** The result so far; it grows until the end. */
  onResult?: (result: BenchResult) => void;
}

/** Tokens that a model's own chunks have at most. */
const MOST_CHUNK_TOKENS = 1024;

/** A model on the GPU, and what it was made of. */
interface Loaded {
  model: Model;
  weights: GpuWeights;
  scheme: Scheme;
}

/**
 * Measures the adapter's ceilings, then the models one after the other. A model that fails does not end the run.
 *
 * ```ts
 * const result = await runBench(parseOptions(new URLSearchParams('shape=lexicon&quick=1')));
 * ```
 * @throws BambaError `webgpu_unavailable`; what goes wrong before the first model.
 */
export async function runBench(options: BenchOptions, events: BenchEvents = {}): Promise<BenchResult> {
  const request = { without: options.without, subgroupMatrices: options.subgroupMatrices };
  let gpu = await Gpu.request(request);
  try {
    const patience = options.quick ? { targetMs: 1, samples: 1 } : { targetMs: 40, samples: 3 };
    let timer = await GpuTimer.create(gpu, patience);
    events.onProgress?.('the adapter');
    const sizes = options.quick
      ? { matrixBytes: 2 ** 22, workgroups: 4, rounds: 64 }
      : { matrixBytes: 2 ** 30, workgroups: 4096, rounds: 512 };
    const ceilings = await measureCeilings(gpu, timer, sizes);
    const { vendor, architecture, device, description } = gpu.adapterInfo;
    const result: BenchResult = {
      format: 'bamba-web-bench',
      version: 1,
      date: new Date().toISOString(),
      userAgent: navigator.userAgent,
      adapter: { vendor, architecture, device, description },
      features: [...gpu.device.features].toSorted(),
      options,
      ceilings,
      models: [],
    };
    events.onResult?.(result);
    for (const target of options.targets) {
      const model = await new ModelBench(gpu, timer, ceilings, options, events).run(target);
      result.models.push(model);
      events.onResult?.(result);
      if (!('error' in model)) continue;
      // A device that failed is of no use to the models after.
      gpu.dispose();
      gpu = await Gpu.request(request);
      timer = await GpuTimer.create(gpu, patience);
    }
    return result;
  } finally {
    gpu.dispose();
  }
}

class ModelBench {
  readonly #gpu: Gpu;
  readonly #timer: GpuTimer;
  readonly #ceilings: Ceilings;
  readonly #options: BenchOptions;
  readonly #events: BenchEvents;
  readonly #speed: SpeedSettings;

  constructor(gpu: Gpu, timer: GpuTimer, ceilings: Ceilings, options: BenchOptions, events: BenchEvents) {
    this.#gpu = gpu;
    this.#timer = timer;
    this.#ceilings = ceilings;
    this.#options = options;
    this.#events = events;
    this.#speed = { runs: options.runs, tokens: options.tokens, warmUp: options.quick ? 2 : 24 };
  }

  async run(target: BenchTarget): Promise<ModelResult | ModelFailure> {
    const partial: Partial<ModelResult> = {};
    try {
      return await this.#measure(target, partial);
    } catch (error) {
      return { name: targetName(target), error: error instanceof Error ? error.message : String(error), partial };
    }
  }

  async #measure(target: BenchTarget, partial: Partial<ModelResult>): Promise<ModelResult> {
    const progress = (what: string) => this.#events.onProgress?.(`${targetName(target)}: ${what}`);
    progress('weights');
    const { weights, architecture, scheme, name } = await this.#weights(target);
    let loaded: Loaded | undefined;
    try {
      progress('pipelines');
      const start = performance.now();
      const model = await this.#create(architecture, weights);
      const prepareS = (performance.now() - start) / 1000;
      loaded = { model, weights, scheme };
      const result: ModelResult = Object.assign(partial, {
        name,
        scheme,
        architecture,
        gpuBytes: model.bytes,
        prepareS,
        dispatchesPerToken: model.decodeDispatches.length,
        load: null,
        prefill: [],
        decode: [],
        batch: [],
        lookup: [],
        profiles: [],
        tuning: null,
      });
      for (const tokens of this.#options.prefills) {
        progress(`prefill of ${tokens} tokens`);
        result.prefill.push(await this.#prefill(loaded, tokens));
      }
      for (const context of this.#options.contexts) {
        progress(`decode at ${context} tokens`);
        result.decode.push(await this.#decode(loaded, context));
      }
      for (const context of this.#options.contexts) {
        for (const sequences of this.#options.batches) {
          progress(`${sequences} sequences at ${context} tokens`);
          result.batch.push(await this.#batch(loaded, context, sequences));
        }
      }
      if (this.#options.lookups.length > 0) {
        for (const context of this.#options.contexts) {
          progress(`drafts at ${context} tokens`);
          const { lookups, batchDigits } = this.#options;
          const options = { digits: batchDigits };
          const speed = await measureLookup(model, context, lookups, options, this.#speed);
          if (speed) result.lookup.push(speed);
        }
      }
      result.gpuBytes = model.bytes;
      if (this.#options.profile) {
        const { profileContext: position, int8Activations } = this.#options;
        for (const tokens of [1, model.chunkTokens]) {
          progress(tokens === 1 ? 'kernels of decode' : 'kernels of prefill');
          const pass = { tokens, position, int8Activations };
          result.profiles.push(await profilePass(model, weights, this.#timer, this.#ceilings, pass));
        }
        // One alone is a decode step.
        for (const sequences of this.#options.batches.filter((count) => count > 1)) {
          progress(`kernels of ${sequences} sequences`);
          const pass = { sequences, position };
          result.profiles.push(await profileBatch(model, this.#timer, this.#ceilings, pass));
        }
      }
      if (this.#options.tune) {
        result.tuning = await tuneModel(model, { onTrial: ({ what, value }) => progress(`${what} of ${value}`) });
        await keepTuning(this.#gpu, result.tuning.tuning);
      }
      if (this.#options.loadBytes > 0) {
        progress('loading');
        result.load = await measureLoad(this.#gpu, architecture, scheme, this.#options.loadBytes);
      }
      return result;
    } finally {
      if (loaded) loaded.model.dispose();
      else weights.dispose();
      await this.#gpu.device.queue.onSubmittedWorkDone();
    }
  }

  async #weights(
    target: BenchTarget,
  ): Promise<{ weights: GpuWeights; architecture: Architecture; scheme: Scheme; name: string }> {
    if ('url' in target) return packageWeights(this.#gpu, target.url);
    const architecture: Architecture = SHAPES[target.shape];
    const weights = await syntheticWeights(this.#gpu, architecture, target.scheme);
    return { weights, architecture, scheme: target.scheme, name: targetName(target) };
  }

  async #create(architecture: Architecture, weights: GpuWeights): Promise<Model> {
    const {
      contexts,
      batches,
      lookups,
      prefills,
      profile,
      profileContext,
      chunkTokens,
      int8Activations,
      batchDigits,
      kvCacheType,
    } = this.#options;
    const lengths = [...prefills, ...contexts.map((context) => roomFor(context, this.#speed))];
    if (batches.length > 0) lengths.push(...contexts.map((context) => roomAmongOthers(context, this.#speed)));
    if (lookups.length > 0) lengths.push(...contexts.map((context) => roomOfLookup(context, this.#speed)));
    if (profile) lengths.push(profileContext + (chunkTokens ?? MOST_CHUNK_TOKENS));
    const model = await Model.create(this.#gpu, architecture, weights, {
      contextLength: Math.max(...lengths, 256),
      int8Activations,
      batchDigits,
      kvCacheType,
      ...(chunkTokens === null ? {} : { chunkTokens }),
    });
    // Room for everything at once, so that no measurement waits for memory.
    await model.reserve(model.contextLength);
    return model;
  }

  async #prefill({ model, scheme }: Loaded, tokens: number): Promise<PrefillRow> {
    const speed = await measurePrefill(model, tokens, this.#speed);
    const { architecture } = model;
    const tensors = planTensors(packageTensors(architecture), scheme);
    const { cacheType } = model.state;
    const { flops } = prefillWork(architecture, tensors, { tokens, chunkTokens: model.chunkTokens, cacheType });
    const { weights } = decodeWork(architecture, tensors, { position: 0, cacheType });
    const floorS = Math.max(flops / this.#ceilings.f32FlopsPerS, weights / this.#ceilings.readBytesPerS);
    return { ...speed, tokensPerS: tokens / speed.seconds, flops, floorS, floorRatio: floorS / speed.seconds };
  }

  async #batch({ model, scheme }: Loaded, context: number, sequences: number): Promise<BatchRow> {
    const speed = await measureBatch(model, context, sequences, this.#speed);
    const { architecture } = model;
    const tensors = planTensors(packageTensors(architecture), scheme);
    const { cacheType } = model.state;
    const { weights, state, keysAndValues } = decodeWork(architecture, tensors, { position: context, cacheType });
    const stepBytes = weights + sequences * (state + keysAndValues);
    const floorS = stepBytes / this.#ceilings.readBytesPerS;
    const tokensPerS = sequences / speed.secondsPerStep;
    return { ...speed, tokensPerS, stepBytes, floorS, floorRatio: floorS / speed.secondsPerStep };
  }

  async #decode({ model, scheme }: Loaded, context: number): Promise<DecodeRow> {
    const speed = await measureDecode(model, context, this.#speed);
    const { architecture } = model;
    const tensors = planTensors(packageTensors(architecture), scheme);
    const { cacheType } = model.state;
    const { weights, state, keysAndValues } = decodeWork(architecture, tensors, { position: context, cacheType });
    const bytes = weights + state + keysAndValues;
    const floorS = bytes / this.#ceilings.readBytesPerS;
    const tokensPerS = 1 / speed.secondsPerToken;
    return { ...speed, tokensPerS, bytes, floorS, floorRatio: floorS / speed.secondsPerToken };
  }
}
