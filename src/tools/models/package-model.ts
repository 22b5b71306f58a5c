import type { Architecture } from '../../architecture/architecture.ts';
import { parseArchitecture } from '../../architecture/config.ts';
import type { PackageSource } from '../../storage/packages/package-source.ts';
import { SHARD_BYTES } from '../../weights/manifest.ts';
import { dequantizeMatrix } from '../../weights/quantize.ts';
import type { TensorEntry } from '../../weights/types.ts';

// The content of a package, read on the CPU, for the reference.

/** All tensors of a package in one piece. */
export async function readStream({ manifest, shard }: Pick<PackageSource, 'manifest' | 'shard'>): Promise<Uint8Array> {
  const stream = new Uint8Array(manifest.stream.bytes);
  for (const index of manifest.shards.keys()) stream.set(await shard(index), index * SHARD_BYTES);
  return stream;
}

/** The values that a tensor of the stream stands for. */
export function valuesOf(stream: Uint8Array, { scheme, shape, offset, bytes }: TensorEntry): Float32Array {
  const own = stream.slice(offset, offset + bytes);
  const [rows = 0, columns] = shape;
  if (columns === undefined) return new Float32Array(own.buffer, 0, rows);
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
