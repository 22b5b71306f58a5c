import type { Checkpoint } from './checkpoint.ts';
import { alignTo, TENSOR_ALIGNMENT, tensorBytes } from './layout.ts';
import {
  type BlobEntry,
  checkManifest,
  type Manifest,
  MANIFEST_FILE,
  MANIFEST_FORMAT,
  MANIFEST_VERSION,
  PACKAGE_FILES,
  shardFile,
} from './manifest.ts';
import { PackageStream } from './package-stream.ts';
import { sha256Hex } from './sha256.ts';
import type { Scheme, TensorEntry, TensorSpec } from './types.ts';

/** The place that a package is written to: a folder, a database, memory. The array may be kept. */
export interface PackageSink {
  write(file: string, bytes: Uint8Array<ArrayBuffer>): Promise<void>;
}

/** The facts in a package beside its bytes. */
export interface PackageFacts {
  /** In the order of use, which is the order of upload. */
  specs: readonly TensorSpec[];
  scheme: Scheme;
  /** Name of the model for people. */
  name: string;
  source?: Manifest['source'];
  /** Normalized; goes into the manifest as it is. */
  architecture: object;
  /** Tokens that end an answer by config.json. */
  stopIds?: readonly number[];
  /** Questions to begin with, unchecked. */
  suggestions?: unknown;
}

export interface PackageOptions extends PackageFacts {
  checkpoint: Checkpoint;
  sink: PackageSink;
  onProgress?: (progress: { tensor: string; written: number; total: number }) => void;
  signal?: AbortSignal;
}

/**
 * Converts a checkpoint into a package: shards first, the manifest last, so that a package with a manifest is whole.
 * Memory stays at a piece of a tensor and a shard, whatever the size of the model.
 * @throws BambaError `checkpoint_invalid`, `unsupported_model`; what checkpoint and sink throw.
 */
export async function writePackage(options: PackageOptions): Promise<Manifest> {
  const { checkpoint, specs, scheme, sink, signal } = options;
  const stream = new PackageStream(checkpoint, specs, planTensors(specs, scheme));
  const shards: BlobEntry[] = [];
  const onPosition = (written: number) =>
    options.onProgress?.({ tensor: stream.tensorAt(written - 1), written, total: stream.bytes });
  for await (const bytes of stream.shards(0, undefined, { ...(signal && { signal }), onPosition })) {
    const file = shardFile(shards.length);
    await sink.write(file, bytes);
    shards.push({ file, bytes: bytes.length, sha256: await sha256Hex(bytes) });
  }
  const manifest = packageManifest(options, shards, await writeFiles(checkpoint, sink, signal));
  await sink.write(MANIFEST_FILE, new TextEncoder().encode(`${JSON.stringify(manifest, null, 1)}\n`));
  return manifest;
}

/** The manifest of a package of these facts, checked. */
export function packageManifest(
  { specs, scheme, name, source = {}, architecture, stopIds = [], suggestions }: PackageFacts,
  shards: readonly BlobEntry[],
  files: Manifest['files'],
): Manifest {
  const tensors = planTensors(specs, scheme);
  return checkManifest({
    format: MANIFEST_FORMAT,
    version: MANIFEST_VERSION,
    name,
    source,
    scheme,
    architecture,
    parameters: specs.reduce((sum, { shape }) => sum + shape.reduce((product, size) => product * size, 1), 0),
    ...(stopIds.length > 0 && { stopIds }),
    ...(suggestions !== undefined && { suggestions }),
    stream: { bytes: streamBytes(tensors) },
    tensors,
    shards,
    files,
  });
}

/**
 * The place of each tensor in the stream of a package of this scheme. The size of the package is then known before
 * anything is read.
 */
export function planTensors(specs: readonly TensorSpec[], scheme: Scheme): TensorEntry[] {
  let end = 0;
  return specs.map(({ name, shape, kind, vocabulary }) => {
    const matrix = scheme === 'int4' && vocabulary ? 'int8' : scheme;
    const own = kind === 'matrix' ? matrix : 'f32';
    const offset = alignTo(end, TENSOR_ALIGNMENT);
    const bytes = tensorBytes(own, shape);
    end = offset + bytes;
    return { name, shape: [...shape], scheme: own, offset, bytes };
  });
}

/** Bytes of the stream that these tensors make. */
export function streamBytes(tensors: readonly TensorEntry[]): number {
  const last = tensors.at(-1);
  return last ? last.offset + last.bytes : 0;
}

async function writeFiles(checkpoint: Checkpoint, sink: PackageSink, signal?: AbortSignal): Promise<Manifest['files']> {
  const files: Manifest['files'] = {};
  for (const file of PACKAGE_FILES) {
    const bytes = await checkpoint.readFile(file, signal);
    if (!bytes) continue;
    const copy = new Uint8Array(bytes);
    await sink.write(file, copy);
    files[file] = { file, bytes: copy.length, sha256: await sha256Hex(copy) };
  }
  return files;
}
