import { BambaError } from '../../errors.ts';
import type { Gpu } from '../../gpu/device.ts';
import { checkPackageTensors, parseArchitecture } from '../../architecture/config.ts';
import { type RopeScaling, scaleRope } from '../../architecture/rope-scaling.ts';
import { checkArchitecture } from '../../model/dims.ts';
import { GpuWeights } from '../../model/gpu-weights.ts';
import { Model, type ModelOptions } from '../../model/model.ts';
import { longestContext } from '../../model/state.ts';
import type { PackageSource } from '../../storage/packages/package-source.ts';
import { abortable, throwIfAborted } from '../../weights/abort.ts';
import { SHARD_BYTES } from '../../weights/manifest.ts';
import { suggestion } from '../../weights/smaller-schemes.ts';

/** Tokens of a sequence where nothing else is asked for: what more of them take of memory is to be asked for. */
const DEFAULT_CONTEXT = 32_768;

export interface LoadModelOptions extends Partial<ModelOptions> {
  /** How positions are scaled, in the place of what the package says. */
  ropeScaling?: RopeScaling;
  signal?: AbortSignal;
  onUploaded?: () => void;
  /** Hears a sentence where the options ask for more than the model has. */
  onMessage?: (message: string) => void;
}

/**
 * Puts a package on the GPU. Memory for the weights is allocated before the first shard is fetched. Then shards pass
 * one at a time, and meanwhile the GPU's programs are compiled.
 * @param options.contextLength may be more than the config's positions; `onMessage` is told then, and
 * where the device has buffers for fewer tokens, which is then the length.
 * @param options.onUploaded called when all weights are on the GPU; `onCompiled` tells of programs after that.
 * @throws BambaError what the source throws; `setting_invalid` for a scaling that the model does not take, `unsupported_model`, `manifest_invalid`, `adapter_limit`, `out_of_memory`,
 * `gpu_failure`, `aborted`.
 */
export async function loadModel(gpu: Gpu, source: PackageSource, options: LoadModelOptions = {}): Promise<Model> {
  const { manifest } = source;
  const stated = parseArchitecture(manifest.architecture);
  checkArchitecture(stated);
  checkPackageTensors(stated, manifest.tensors);
  const { ropeScaling } = options;
  const architecture = ropeScaling ? scaleRope(stated, ropeScaling, manifest.name) : stated;
  const { maxPositions } = architecture;
  const wanted = options.contextLength ?? Math.min(DEFAULT_CONTEXT, maxPositions);
  const contextLength = Math.min(wanted, longestContext(architecture, gpu.device.limits));
  if (contextLength < wanted) {
    options.onMessage?.(
      `The context has room for ${contextLength} tokens, not for ${wanted}: this graphics adapter takes no larger buffers.`,
    );
  }
  if (contextLength > maxPositions) {
    options.onMessage?.(
      `The context of ${contextLength} tokens goes beyond the ${maxPositions} that the model's config allows: ` +
        'what follows them may be nonsense.',
    );
  }
  const weights = await allocate(gpu, source);
  const progress = new Progress(options.onCompiled);
  const { onCompiled } = progress;
  // What ends the one ends the other.
  const failed = new AbortController();
  const signal = options.signal ? AbortSignal.any([options.signal, failed.signal]) : failed.signal;
  let model: Model | null = null;
  let uploading: Promise<void> = Promise.resolve();
  try {
    const begun = Model.begin(gpu, architecture, weights, { ...options, contextLength, onCompiled });
    ({ model } = begun);
    uploading = upload(source, weights, signal, () => {
      options.onUploaded?.();
      progress.begin();
    });
    await abortable(Promise.all([begun.ready, uploading]), options.signal);
    gpu.check();
    throwIfAborted(options.signal);
    return model;
  } catch (error) {
    failed.abort();
    // Nothing is freed that is still being written.
    await uploading.catch(() => {});
    model?.dispose();
    weights.dispose();
    throw error;
  }
}

/** Shards pass one at a time. */
async function upload(
  source: PackageSource,
  weights: GpuWeights,
  signal: AbortSignal,
  onUploaded: () => void,
): Promise<void> {
  for (let index = 0; index < source.manifest.shards.length; index++) {
    throwIfAborted(signal);
    await weights.upload(index * SHARD_BYTES, await source.shard(index, signal));
  }
  await weights.finishUploads();
  onUploaded();
}

/** Tells of compiled programs from when the weights are there: what is awaited last is what people hear of. */
class Progress {
  readonly #tell: NonNullable<ModelOptions['onCompiled']>;
  #begun = false;
  #last: [ready: number, total: number] | null = null;

  constructor(tell: ModelOptions['onCompiled']) {
    this.#tell = tell ?? (() => {});
  }

  readonly onCompiled = (...counts: [ready: number, total: number]): void => {
    this.#last = counts;
    if (this.#begun) this.#tell(...counts);
  };

  begin(): void {
    this.#begun = true;
    if (this.#last) this.#tell(...this.#last);
  }
}

/** @throws BambaError `adapter_limit`, `out_of_memory`, with the type of weights that would fit, if there is one. */
async function allocate(gpu: Gpu, source: PackageSource): Promise<GpuWeights> {
  try {
    return await GpuWeights.allocate(gpu, source.manifest.tensors);
  } catch (error) {
    if (!(error instanceof BambaError)) throw error;
    for (const smaller of source.smaller?.() ?? []) {
      const weights = await GpuWeights.allocate(gpu, smaller.tensors).catch(() => null);
      if (!weights) continue;
      weights.dispose();
      throw new BambaError(error.code, `${error.message} ${suggestion(smaller)}`, { cause: error });
    }
    throw error;
  }
}
