import { readStream, valuesOf } from '../../tools/models/package-model.ts';
import { packageTensors, parseArchitecture } from '../../architecture/config.ts';
import type { PackageSource } from '../../storage/packages/package-source.ts';
import { SHARD_BYTES } from '../../weights/manifest.ts';
import { planTensors, streamBytes } from '../../weights/package-writer.ts';
import { quantizeRows } from '../../weights/quantize.ts';
import type { Scheme } from '../../weights/types.ts';

// What is in a package, to make the same model in another scheme.

export { readPackageModel } from '../../tools/models/package-model.ts';

/**
 * The same model with its matrices in another scheme. Their values are those of the package, rounded once more: with
 * `f32` it computes what the package does.
 */
export async function inScheme(source: PackageSource, scheme: Scheme): Promise<PackageSource> {
  const { manifest } = source;
  const from = await readStream({ manifest, shard: (index) => source.shard(index) });
  const tensors = planTensors(packageTensors(parseArchitecture(manifest.architecture)), scheme);
  const to = new Uint8Array(streamBytes(tensors));
  for (const [index, { name, scheme: own, shape, offset }] of tensors.entries()) {
    const old = manifest.tensors[index];
    if (old?.name !== name) throw new Error(`The package has ${old?.name} in the place of ${name}.`);
    if (own === old.scheme) {
      to.set(from.subarray(old.offset, old.offset + old.bytes), offset);
      continue;
    }
    const { bytes, scales } = quantizeRows(own, valuesOf(from, old), shape[1]!, { name });
    to.set(bytes, offset);
    to.set(scales, offset + bytes.length);
  }
  const shards = Array.from({ length: Math.ceil(to.length / SHARD_BYTES) }, (_, index) =>
    to.slice(index * SHARD_BYTES, (index + 1) * SHARD_BYTES),
  );
  return {
    manifest: {
      ...manifest,
      scheme,
      tensors,
      stream: { bytes: to.length },
      shards: shards.map(({ length }) => ({ bytes: length })),
    },
    file: (name) => source.file(name),
    shard: async (index) => shards[index]!,
  };
}
