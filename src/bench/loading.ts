import { loadModel } from '../engine/loading/load.ts';
import type { Gpu } from '../gpu/device.ts';
import { type Architecture, hasBranch, isMixing } from '../architecture/architecture.ts';
import { packageTensors } from '../architecture/config.ts';
import type { PackageSource } from '../storage/packages/package-source.ts';
import { type Manifest, MANIFEST_FORMAT, MANIFEST_VERSION, SHARD_BYTES } from '../weights/manifest.ts';
import { planTensors, streamBytes } from '../weights/package-writer.ts';
import type { Scheme } from '../weights/types.ts';

/** How fast a package that is in memory gets onto the GPU. */
export interface LoadSpeed {
  bytes: number;
  /** Blocks of the model that were loaded: as many as the measurement had room for. */
  blocks: number;
  /** Until the model could answer. */
  seconds: number;
  /** Of these, until all weights were on the GPU: memory is allocated and filled, nothing compiled. */
  uploadSeconds: number;
  bytesPerS: number;
}

/** Shards of random bytes that stand for all shards in turn: more than loading may hold at once. */
const DISTINCT_SHARDS = 8;

/**
 * Loads a model, or its first blocks where it has more bytes than `mostBytes`, out of random shards in memory. While
 * another of the same shape is on the device, its pipelines are compiled already: what is left is moving the weights.
 */
export async function measureLoad(
  gpu: Gpu,
  architecture: Architecture,
  scheme: Scheme,
  mostBytes: number,
): Promise<LoadSpeed> {
  const model = shortened(architecture, scheme, mostBytes);
  const tensors = planTensors(packageTensors(model), scheme);
  const bytes = streamBytes(tensors);
  const shardCount = Math.ceil(bytes / SHARD_BYTES);
  const shards = Array.from({ length: Math.min(shardCount, DISTINCT_SHARDS) }, randomShard);
  const manifest: Manifest = {
    format: MANIFEST_FORMAT,
    version: MANIFEST_VERSION,
    name: 'benchmark',
    source: {},
    scheme,
    architecture: model,
    parameters: 0,
    stream: { bytes },
    tensors,
    shards: Array.from({ length: shardCount }, (_, index) => ({
      file: `shard-${index}`,
      bytes: Math.min(SHARD_BYTES, bytes - index * SHARD_BYTES),
      sha256: '',
    })),
    files: {},
  };
  const source: PackageSource = {
    manifest,
    file: () => Promise.reject(new RangeError('The benchmark loads no text.')),
    shard: async (index) => shards[index % shards.length]!.subarray(0, manifest.shards[index]!.bytes),
  };
  const start = performance.now();
  let uploaded = start;
  const onUploaded = () => {
    uploaded = performance.now();
  };
  const loaded = await loadModel(gpu, source, { contextLength: 256, onUploaded });
  const seconds = (performance.now() - start) / 1000;
  loaded.dispose();
  await gpu.device.queue.onSubmittedWorkDone();
  const uploadSeconds = (uploaded - start) / 1000;
  return { bytes, blocks: model.blocks.length, seconds, uploadSeconds, bytesPerS: bytes / seconds };
}

/** A model of the first blocks, as many as `mostBytes` hold, at least one. */
function shortened(architecture: Architecture, scheme: Scheme, mostBytes: number): Architecture {
  const first = (count: number): Architecture => {
    const blocks = architecture.blocks.slice(0, count);
    return {
      ...architecture,
      blocks,
      mamba2: hasBranch(blocks, 'mamba2') ? architecture.mamba2 : null,
      attention: hasBranch(blocks, 'attention') ? architecture.attention : null,
      intermediateSize: blocks.flat().every(isMixing) ? 0 : architecture.intermediateSize,
    };
  };
  let count = architecture.blocks.length;
  while (count > 1 && streamBytes(planTensors(packageTensors(first(count)), scheme)) > mostBytes) count--;
  return first(count);
}

function randomShard(): Uint8Array<ArrayBuffer> {
  const shard = new Uint8Array(SHARD_BYTES);
  // As much as the browser gives at once.
  for (let at = 0; at < shard.length; at += 65_536) crypto.getRandomValues(shard.subarray(at, at + 65_536));
  return shard;
}
