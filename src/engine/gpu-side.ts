import { defaultBudget, PrefixCache } from '../generate/prefix-cache.ts';
import { Gpu, type GpuOptions } from '../gpu/device.ts';
import type { Model } from '../model/model.ts';
import type { PackageSource } from '../storage/packages/package-source.ts';
import { abortable } from '../weights/abort.ts';
import { loadModel, type LoadModelOptions } from './load.ts';
import type { TextSide } from './text-side.ts';
import { storedTuning } from './tuned.ts';

/** How a model is put on the GPU. */
export interface GpuSideOptions extends Omit<LoadModelOptions, 'tuning'> {
  gpu?: GpuOptions;
  /** See `EngineOptions`. */
  subgroupMatrices?: boolean;
  /** See `EngineOptions`. */
  stateCacheBytes?: number;
}

/** What of an engine is on the GPU: it is lost with the device, and can be made again. */
export class GpuSide {
  readonly gpu: Gpu;
  readonly model: Model;
  readonly prefixes: PrefixCache;
  /** Whether the model has sizes that were measured on this adapter. */
  readonly tuned: boolean;

  private constructor(gpu: Gpu, model: Model, tuned: boolean, stateCacheBytes: number | undefined) {
    this.gpu = gpu;
    this.model = model;
    this.tuned = tuned;
    const budget = stateCacheBytes ?? defaultBudget(gpu.limits.maxBufferSize, model.bytes.weights);
    this.prefixes = new PrefixCache(model, budget);
  }

  /**
   * Asks for a device, and puts the model on it.
   * @param text is awaited before any weights are: a model whose text cannot be read is not loaded
   * @throws BambaError, see `Gpu.request` and `loadModel`; what `text` rejects with.
   */
  static async load(source: PackageSource, text: Promise<TextSide>, options: GpuSideOptions): Promise<GpuSide> {
    text.catch(() => {}); // without a GPU, nobody asks for it
    const { subgroupMatrices = false, stateCacheBytes, signal } = options;
    const gpu = await Gpu.request({ subgroupMatrices, ...options.gpu });
    try {
      const [, tuning] = await abortable(Promise.all([text, storedTuning(gpu)]), signal);
      const model = await loadModel(gpu, source, { ...options, tuning });
      return new GpuSide(gpu, model, tuning !== null, stateCacheBytes);
    } catch (error) {
      const explained = await gpu.explain(error);
      gpu.dispose();
      throw explained;
    }
  }

  /** Frees the GPU, also where it is lost. */
  dispose(): void {
    this.prefixes.clear();
    this.model.dispose();
    this.gpu.dispose();
  }
}
