import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { MODEL_TYPES, parseConfig } from '../../architecture/config.ts';
import type { Architecture } from '../../architecture/architecture.ts';
import { type ByteSource, memorySource } from '../../weights/byte-source.ts';
import { Checkpoint } from '../../weights/checkpoint.ts';
import { readHeader } from '../../weights/safetensors.ts';
import { readSource, resolveSources, sourceRows } from '../../weights/tensor-sources.ts';
import { TENSOR_MAPS, type TensorSpec } from '../../weights/types.ts';
import { fixtureFolder } from './fixtures.ts';
import { randomCheckpoint } from '../checkpoints/random-checkpoint.ts';

export { goldenStage } from '../../tools/models/golden.ts';

// Small models with the results that Hugging Face transformers gives for them. Some are in the tree, see fixtures.ts; a
// folder of more is named in the environment variable BAMBA_GOLDENS. Most of those in the tree have no weights: these are
// made of config.json, the same each time.

/** A stored result. */
export interface GoldenTensor {
  shape: readonly number[];
  values: Float32Array | Int32Array;
}

export interface Golden {
  name: string;
  architecture: Architecture;
  /** Our names, with the checkpoint's values. */
  tensors: ReadonlyMap<string, Float64Array>;
  /** `input_ids`, `logits`, `hidden.N`, `state.N.ssm`, ...: as `golden.safetensors` names them. */
  results: ReadonlyMap<string, GoldenTensor>;
}

/** Folder of the golden that is in the tree: two Mamba-2 blocks and an attention block, five tokens. */
export const BUNDLED_GOLDEN = fixtureFolder('bamba-short');

/** Folders in BAMBA_GOLDENS with a model of a supported type; empty where the variable is not set. */
export function goldenFolders(): string[] {
  const root = process.env['BAMBA_GOLDENS'];
  if (!root) return [];
  const isSupported = (config: string) => MODEL_TYPES.some((type) => config.includes(`"model_type": "${type}"`));
  return readdirSync(root)
    .map((name) => join(root, name))
    .filter((folder) => existsSync(join(folder, 'golden.safetensors')))
    .filter((folder) => isSupported(readFileSync(join(folder, 'config.json'), 'utf8')))
    .toSorted();
}

/**
 * The files of a golden, with the weights that its results are of.
 * @throws Error where other weights would be made than those of the results.
 */
export function goldenFiles(folder: string): Record<string, Uint8Array> {
  const files: Record<string, Uint8Array> = {};
  for (const name of readdirSync(folder)) files[name] = new Uint8Array(readFileSync(join(folder, name)));
  const expected = weightsHash(files['golden.safetensors']!);
  if (!expected) return files;
  const config = JSON.parse(new TextDecoder().decode(files['config.json'])) as object;
  const weights = files['model.safetensors'] ?? randomCheckpoint(config)['model.safetensors']!;
  if (createHash('sha256').update(weights).digest('hex') !== expected) {
    throw new Error(
      `The weights of ${basename(folder)} are not those that its golden.safetensors is of. Its config.json or ` +
        'src/testing/checkpoints/random-checkpoint.ts has changed: undo that, or make the golden anew as CONTRIBUTING.md says.',
    );
  }
  return { ...files, 'model.safetensors': weights };
}

/** Writes the files of a golden of the tree into `folder`, which is there, for what reads folders. */
export function writeGolden(name: string, folder: string): void {
  for (const [file, bytes] of Object.entries(goldenFiles(fixtureFolder(name))))
    writeFileSync(join(folder, file), bytes);
}

/** The SHA-256 of model.safetensors that a golden is of; undefined where it does not say. */
function weightsHash(golden: Uint8Array): string | undefined {
  const length = Number(new DataView(golden.buffer, golden.byteOffset).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(golden.subarray(8, 8 + length))) as Record<
    string,
    { weights_sha256?: string }
  >;
  return header['__metadata__']?.weights_sha256;
}

/** Reads the model and the results in `folder`. */
export async function loadGolden(folder: string): Promise<Golden> {
  const files = goldenFiles(folder);
  const source = memorySource(files);
  const { architecture, tensors } = await readCheckpointModel(source);
  const results = new Map<string, GoldenTensor>();
  for (const info of await readHeader(source, 'golden.safetensors')) {
    const bytes = files['golden.safetensors']!.slice(info.begin, info.end).buffer;
    const values = info.dtype === 'I32' ? new Int32Array(bytes) : new Float32Array(bytes);
    results.set(info.name, { shape: info.shape, values });
  }
  return { name: basename(folder), architecture, tensors, results };
}

/** The model of a checkpoint as the reference takes it. */
export async function readCheckpointModel(source: ByteSource): Promise<Pick<Golden, 'architecture' | 'tensors'>> {
  const checkpoint = await Checkpoint.open(source);
  const { architecture, tensors: specs } = parseConfig((await checkpoint.readFile('config.json'))!);
  const tensors = new Map<string, Float64Array>();
  for (const spec of resolveSources(checkpoint, specs)) tensors.set(spec.name, await readTensor(checkpoint, spec));
  return { architecture, tensors };
}

/** One of our tensors in f64, made of what the specification says. */
async function readTensor(checkpoint: Checkpoint, spec: TensorSpec): Promise<Float64Array> {
  const size = spec.shape.reduce((product, length) => product * length, 1);
  const out = new Float64Array(size);
  const rows = spec.shape[0]!;
  const columns = size / rows;
  const stride = spec.arrange === 'interleave' ? 2 : 1;
  let first = 0;
  for (const [index, source] of spec.sources.entries()) {
    const count = sourceRows(source);
    const values = await readSource(checkpoint, source, 0, count);
    const turn = index % stride;
    for (let row = 0; row < count; row++) {
      out.set(values.subarray(row * columns, (row + 1) * columns), (first + turn + row * stride) * columns);
    }
    if (turn === stride - 1) first += stride * count;
  }
  return spec.map ? out.map(TENSOR_MAPS[spec.map]) : out;
}
