import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { BambaError } from '../errors.ts';
import type { Architecture } from '../architecture/architecture.ts';
import { type ModelConfig, packageTensors, parseArchitecture, parseConfig } from '../architecture/config.ts';
import { type RopeScaling, scaleRope } from '../architecture/rope-scaling.ts';
import { PRECISIONS } from '../engine/options.ts';
import { CACHE_TYPES, type CacheType } from '../kernels/attention/kv-cache.ts';
import { checkArchitecture } from '../model/dims.ts';
import { contextBytes, modelMemory } from '../model/memory.ts';
import { Checkpoint } from '../weights/checkpoint.ts';
import { MANIFEST_FILE, SCHEMES } from '../weights/manifest.ts';
import { readText } from '../weights/read-text.ts';
import { resolveSources } from '../weights/tensor-sources.ts';
import type { TensorSpec } from '../weights/types.ts';
import { openCheckpointFiles, type RepoPlace } from './checkpoint-place.ts';
import { openPackageFolder } from '../tools/models/folder.ts';
import { modelName } from './open-model.ts';
import { missingFeatures } from './unsupported.ts';

// The facts that `npm run inspect` finds out about a model without loading it.

/** A type that the model can have. */
export interface SchemeSize {
  scheme: string;
  /** Bytes of GPU memory, by what they are for, with a conversation of the tokens asked for. */
  memory: ReturnType<typeof modelMemory>;
  /** GB of the smallest usual graphics memory that has room for it, null where none has. */
  fits: number | null;
}

/** Tokens of contexts whose cost is told. */
const CONTEXTS = [1024, 4096, 32_768, 131_072];

/** The memory of conversations, by the type of their keys and values. */
export interface ContextCost {
  cacheType: CacheType;
  /** GPU bytes of a conversation, without the weights: see `contextBytes`. */
  contexts: { tokens: number; bytes: number }[];
}

/** The report of the command. */
export interface Inspection {
  name: string;
  /** A checkpoint's tensors by dtype, or the type of a package, with bytes. */
  stored: { kind: 'checkpoint' | 'package'; bytes: Record<string, number> };
  architecture: Architecture;
  parameters: number;
  tokens: number;
  sizes: SchemeSize[];
  contexts: ContextCost[];
  tensors: { name: string; shape: readonly number[]; sources: string[] }[];
}

/** GB that graphics memory comes in. */
const GPU_MEMORY = [1, 2, 3, 4, 6, 8, 10, 12, 16, 24, 32, 48, 80, 96, 141];
/** The rest belongs to the screen and to other programs. */
const FREE_SHARE = 0.85;

/**
 * Reads what a model is.
 * @throws BambaError `config_invalid`, `checkpoint_invalid`, `manifest_invalid`, `unsupported_model`; see `HubFiles` and
 * `scaleRope`.
 */
export async function inspect(
  source: string,
  tokens: number,
  { ropeScaling, ...place }: RepoPlace & { ropeScaling?: RopeScaling } = {},
): Promise<Inspection> {
  const { name, stored, architecture: stated, specs } = await readModelFacts(source, place);
  const architecture = ropeScaling ? scaleRope(stated, ropeScaling, name) : stated;
  const length = Math.min(tokens, architecture.maxPositions);
  const sizes = SCHEMES.map((scheme) => {
    const memory = modelMemory(architecture, specs, scheme, {
      tokens: length,
      cacheType: PRECISIONS.balanced.kvCacheType,
    });
    const fits = GPU_MEMORY.find((size) => memory.total <= size * 1e9 * FREE_SHARE) ?? null;
    return { scheme, memory, fits };
  });
  return {
    name,
    stored,
    architecture,
    parameters: specs.reduce((sum, { shape }) => sum + shape.reduce((product, size) => product * size, 1), 0),
    tokens: length,
    sizes: sizes.toSorted((left, right) => left.memory.weights - right.memory.weights),
    contexts: CACHE_TYPES.map((cacheType) => ({
      cacheType,
      contexts: CONTEXTS.map((count) => ({ tokens: count, bytes: contextBytes(architecture, cacheType, count) })),
    })),
    tensors: specs.map((spec) => ({
      name: spec.name,
      shape: spec.shape,
      sources: spec.sources.map((from) => (from.rows ? `${from.name}[${from.rows.join(':')}]` : from.name)),
    })),
  };
}

/** What is known of a model from its headers. */
type Read = Pick<Inspection, 'name' | 'stored' | 'architecture'> & { specs: readonly TensorSpec[] };

/**
 * Reads what a package, a checkpoint or a GGUF file is, and checks that it can be run.
 * @throws BambaError as `inspect`.
 */
export async function readModelFacts(source: string, place: RepoPlace = {}): Promise<Read> {
  const isPackage = existsSync(join(source, MANIFEST_FILE));
  const read = isPackage ? await readPackage(source) : await readCheckpoint(source, place);
  checkArchitecture(read.architecture);
  return read;
}

async function readPackage(folder: string): Promise<Read> {
  const { manifest } = await openPackageFolder(folder);
  const architecture = parseArchitecture(manifest.architecture);
  const bytes = { [manifest.scheme]: manifest.stream.bytes };
  const specs = packageTensors(architecture).map((spec) => ({ ...spec, sources: [] }));
  return { name: manifest.name, stored: { kind: 'package', bytes }, architecture, specs };
}

/** @throws BambaError as `parseConfig`; where a model is not supported, with all that is missing. */
function readConfig(bytes: Uint8Array): ModelConfig {
  try {
    return parseConfig(bytes);
  } catch (error) {
    if (!(error instanceof BambaError) || error.code !== 'unsupported_model') throw error;
    throw new BambaError(error.code, [error.message, ...missingFeatures(bytes)].join('\n'), { cause: error });
  }
}

async function readCheckpoint(source: string, place: RepoPlace): Promise<Read> {
  const { files, repo } = await openCheckpointFiles(source, place);
  try {
    const config = await readText(files, 'config.json');
    if (!config) {
      throw new BambaError(
        'config_invalid',
        `${source} has neither a config.json nor a ${MANIFEST_FILE}: name a model.`,
      );
    }
    const { architecture, tensors, quantization } = readConfig(config);
    const checkpoint = await Checkpoint.open(files, undefined, quantization);
    const specs = resolveSources(checkpoint, tensors);
    const bytes: Record<string, number> = {};
    for (const tensor of checkpoint.tensors.values()) {
      const stored = tensor.parts ? new Set(tensor.parts.map((part) => part.tensor)) : [tensor];
      for (const { dtype, begin, end } of stored) {
        bytes[dtype] = (bytes[dtype] ?? 0) + end - begin;
      }
    }
    const name = repo ? source : modelName(source);
    return { name, stored: { kind: 'checkpoint', bytes }, architecture, specs };
  } finally {
    repo?.close();
  }
}
