import { BambaError } from '../errors.ts';
import type { Gpu } from '../gpu/device.ts';
import { checkPackageTensors, parseArchitecture } from '../model/config.ts';
import { checkArchitecture } from '../model/dims.ts';
import { GpuWeights } from '../model/gpu-weights.ts';
import { Model, type ModelOptions } from '../model/model.ts';
import type { PackageSource } from '../storage/package-source.ts';
import { SHARD_BYTES } from '../weights/manifest.ts';
import { suggestion } from '../weights/smaller-schemes.ts';

/** Tokens of a sequence where nothing else is asked for: tables for all positions of some models would fill memory. */
const DEFAULT_CONTEXT = 32_768;

/**
 * Puts a package on the GPU: memory is allocated before the first shard is fetched, then shards pass one at a time.
 * @param options.onUploaded called when all weights are on the GPU, before its programs are compiled.
 * @throws BambaError what the source throws; `unsupported_model`, `manifest_invalid`, `adapter_limit`, `out_of_memory`,
 * `gpu_failure`, `aborted`.
 */
export async function loadModel(
  gpu: Gpu,
  source: PackageSource,
  options: Partial<ModelOptions> & { signal?: AbortSignal; onUploaded?: () => void } = {},
): Promise<Model> {
  const { manifest } = source;
  const architecture = parseArchitecture(manifest.architecture);
  checkArchitecture(architecture);
  checkPackageTensors(architecture, manifest.tensors);
  const contextLength = Math.min(options.contextLength ?? DEFAULT_CONTEXT, architecture.maxPositions);
  const weights = await allocate(gpu, source);
  try {
    for (let index = 0; index < manifest.shards.length; index++) {
      const bytes = await source.shard(index, options.signal);
      await weights.upload(index * SHARD_BYTES, bytes);
    }
    await weights.finishUploads();
    gpu.check();
    options.onUploaded?.();
    return await Model.create(gpu, architecture, weights, { ...options, contextLength });
  } catch (error) {
    weights.dispose();
    throw error;
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
