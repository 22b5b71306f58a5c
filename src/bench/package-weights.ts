import type { Gpu } from '../gpu/device.ts';
import type { Architecture } from '../architecture/architecture.ts';
import { checkPackageTensors, parseArchitecture } from '../architecture/config.ts';
import { GpuWeights } from '../model/gpu-weights.ts';
import { openStoredPackage } from '../storage/packages/package-source.ts';
import { SHARD_BYTES } from '../weights/manifest.ts';
import type { Scheme } from '../weights/types.ts';

/**
 * The weights of a package on the GPU, apart from a model, so that its kernels can be timed one by one.
 * @throws BambaError as `loadModel`.
 */
export async function packageWeights(
  gpu: Gpu,
  url: string,
): Promise<{ weights: GpuWeights; architecture: Architecture; scheme: Scheme; name: string }> {
  const source = await openStoredPackage(url, { store: null });
  const { manifest } = source;
  const architecture = parseArchitecture(manifest.architecture);
  checkPackageTensors(architecture, manifest.tensors);
  const weights = await GpuWeights.allocate(gpu, manifest.tensors);
  try {
    for (let index = 0; index < manifest.shards.length; index++) {
      await weights.upload(index * SHARD_BYTES, await source.shard(index));
    }
    await weights.finishUploads();
    gpu.check();
  } catch (error) {
    weights.dispose();
    throw error;
  }
  return { weights, architecture, scheme: manifest.scheme, name: `${manifest.name} ${manifest.scheme}` };
}
