import type { Architecture } from '../../architecture/architecture.ts';
import { BambaError } from '../../errors.ts';
import { shaderSources } from '../../kernels/shared/sources.ts';
import type { SnapshotBinding } from '../../model/snapshot-bytes.ts';
import type { PackageDescription } from '../../storage/packages/package-source.ts';
import { sha256Hex } from '../../weights/sha256.ts';

// The digest that binds a kept state to its weights, and to the shaders that compute with them.

const hashOf = (value: unknown): Promise<string> => sha256Hex(new TextEncoder().encode(JSON.stringify(value)));

/** SHA-256 of all shaders. */
export function shadersHash(): Promise<string> {
  return hashOf(shaderSources);
}

/**
 * The binding of a package all of whose shards were handed out. Equal packages have the same, wherever they are and
 * were made, unless they were loaded with other positions.
 * @param architecture of the model as it was loaded
 * @throws BambaError `unsupported_model` where nothing tells what is in its shards.
 */
export async function stateBinding(
  { name, scheme, stream, tensors }: PackageDescription,
  architecture: Architecture,
  shardHashes: readonly string[] | null,
): Promise<SnapshotBinding> {
  if (!shardHashes) {
    throw new BambaError(
      'unsupported_model',
      `The shards of ${name} have no hashes: its states cannot be told from those of another model.`,
    );
  }
  const placed = tensors.map((tensor) => [tensor.name, tensor.shape, tensor.scheme, tensor.offset]);
  const model = await hashOf([architecture, placed, stream.bytes, shardHashes]);
  return { model, shaders: await shadersHash(), scheme };
}
