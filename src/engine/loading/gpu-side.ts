import { defaultBudget, StateCache } from '../../generate/state-cache.ts';
import { Gpu, type GpuOptions } from '../../gpu/device.ts';
import type { Digits } from '../../kernels/projections/quantize_rows.ts';
import type { Model } from '../../model/model.ts';
import type { PackageSource } from '../../storage/packages/package-source.ts';
import { abortable } from '../../weights/abort.ts';
import { Ensemble, type EnsembleOptions } from '../answers/ensemble.ts';
import { BambaError } from '../../errors.ts';
import { KeptStates } from '../states/kept-states.ts';
import { loadModel, type LoadModelOptions } from './load.ts';
import { Overflow } from '../prompts/overflow.ts';
import { stateBinding } from '../states/state-binding.ts';
import type { StateOwner } from '../states/state-files.ts';
import type { TextSide } from '../prompts/text-side.ts';
import { storedTuning } from './tuned.ts';

/** How a model is put on the GPU. */
export interface GpuSideOptions extends Omit<LoadModelOptions, 'tuning' | 'int8Activations'> {
  gpu?: GpuOptions;
  /** Whether prompts may be read with activations that are rounded, where that is fast. */
  rounds?: boolean;
  /** See `EngineOptions`. */
  stateCacheBytes?: number;
  /** See `EngineOptions`. */
  storedStateBytes?: number;
  /** Milliseconds without a request before the states of conversations are kept. */
  quietMs?: number;
  /** How several answers go at once. */
  together: Omit<EnsembleOptions, 'cached' | 'lookup'>;
  /** See `EngineOptions`. */
  speculation?: 'lookup' | 'off';
  /** Digits of int8 that inputs are rounded to where one step verifies drafts, and that is fast; 0 for f32. */
  draftDigits?: 0 | Digits;
}

/** The part of an engine on the GPU: it is lost with the device, and can be made again. */
export class GpuSide {
  readonly gpu: Gpu;
  readonly model: Model;
  readonly states: StateCache;
  /** The answers that are under way. */
  readonly ensemble: Ensemble;
  /** Those of earlier visits. */
  readonly kept: KeptStates;
  readonly overflow: Overflow;
  /** The model as the owner of states, made when it is first asked for. */
  readonly owner: () => Promise<StateOwner>;
  /** Whether the model has sizes that were measured on this adapter. */
  readonly tuned: boolean;

  private constructor(
    { gpu, model, text, tuned }: { gpu: Gpu; model: Model; text: TextSide; tuned: boolean },
    source: PackageSource,
    { stateCacheBytes, storedStateBytes, quietMs, together, speculation, draftDigits = 0 }: GpuSideOptions,
  ) {
    this.gpu = gpu;
    this.model = model;
    this.tuned = tuned;
    this.owner = ownerOf(source, model);
    const budget = stateCacheBytes ?? defaultBudget(gpu.limits.maxBufferSize, model.bytes.weights);
    this.states = new StateCache(model, budget);
    const cached = (ids: readonly number[]) => this.states.find(ids)?.state.position ?? 0;
    const digits = gpu.features.quickByteProducts ? draftDigits : 0;
    const lookup = speculation === 'lookup' ? { digits } : null;
    this.ensemble = new Ensemble(model, { ...together, cached, lookup });
    this.kept = new KeptStates(this.owner, this.states, { budget: storedStateBytes, quietMs });
    this.overflow = new Overflow(text, model.contextLength);
  }

  /**
   * Asks for a device, and puts the model on it.
   * @param text is awaited before any weights are: a model whose text cannot be read is not loaded
   * @throws BambaError, see `Gpu.request` and `loadModel`; what `text` rejects with.
   */
  static async load(source: PackageSource, text: Promise<TextSide>, options: GpuSideOptions): Promise<GpuSide> {
    text.catch(() => {}); // without a GPU, nobody asks for it
    const { rounds = false, batchDigits = 0, signal } = options;
    const gpu = await Gpu.request({ subgroupMatrices: rounds, ...options.gpu });
    try {
      const [read, tuning] = await abortable(Promise.all([text, storedTuning(gpu)]), signal);
      const int8Activations = rounds && gpu.features.quickByteProducts;
      const digits = gpu.features.quickByteProducts ? batchDigits : 0;
      const model = await loadModel(gpu, source, { ...options, tuning, int8Activations, batchDigits: digits });
      return new GpuSide({ gpu, model, text: read, tuned: tuning !== null }, source, options);
    } catch (error) {
      const explained = await gpu.explain(error);
      gpu.dispose();
      throw explained;
    }
  }

  /** Frees the GPU, also where it is lost. @param reason for those who wait for it */
  dispose(reason = new BambaError('disposed', 'The engine was disposed. Create another one.')): void {
    this.ensemble.end(reason);
    this.kept.dispose();
    this.states.clear();
    this.model.dispose();
    this.gpu.dispose();
  }
}

function ownerOf({ manifest, shardHashes = null }: PackageSource, model: Model): () => Promise<StateOwner> {
  let owner: Promise<StateOwner> | undefined;
  const find = async (): Promise<StateOwner> => ({
    model,
    binding: await stateBinding(manifest, model.architecture, shardHashes),
    name: manifest.name,
  });
  return () => (owner ??= find());
}
