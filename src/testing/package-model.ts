import type { Architecture } from '../model/architecture.ts';
import { packageTensors, parseArchitecture } from '../model/config.ts';
import type { PackageSource } from '../storage/package-source.ts';
import { SHARD_BYTES } from '../weights/manifest.ts';
import { planTensors, streamBytes } from '../weights/package-writer.ts';
import { dequantizeMatrix, quantizeRows } from '../weights/quantize.ts';
import type { Scheme, TensorEntry } from '../weights/types.ts';

// What is in a package, read on the CPU: for the reference, and to make the same model in another scheme.

/** All tensors of a package in one piece. */
async function readStream({ manifest, shard }: Pick<PackageSource, 'manifest' | 'shard'>): Promise<Uint8Array> {
  const stream = new Uint8Array(manifest.stream.bytes);
  for (const index of manifest.shards.keys()) stream.set(await shard(index), index * SHARD_BYTES);
  return stream;
}

/** The values that a tensor of the stream stands for. */
function valuesOf(stream: Uint8Array, { scheme, shape, offset, bytes }: TensorEntry): Float32Array {
  const own = stream.slice(offset, offset + bytes);
  const [rows = 0, columns] = shape;
  const size = shape.reduce((product, length) => product * length, 1);
  if (scheme === 'f32' || columns === undefined) return new Float32Array(own.buffer, 0, size);
  return dequantizeMatrix(scheme, own, rows, columns);
}

/** The model of a package as the reference takes it: what its weights are after they were rounded. */
export async function readPackageModel(
  source: PackageSource,
): Promise<{ architecture: Architecture; tensors: Map<string, Float64Array> }> {
  const stream = await readStream({ manifest: source.manifest, shard: (index) => source.shard(index) });
  const tensors = new Map<string, Float64Array>();
  for (const entry of source.manifest.tensors) tensors.set(entry.name, Float64Array.from(valuesOf(stream, entry)));
  return { architecture: parseArchitecture(source.manifest.architecture), tensors };
}

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
