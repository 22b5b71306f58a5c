import { readdir, readFile, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { BambaError } from '../errors.ts';
import { parseConfig } from '../architecture/config.ts';
import { Checkpoint } from '../weights/checkpoint.ts';
import { type Manifest, SCHEMES } from '../weights/manifest.ts';
import { readText } from '../weights/read-text.ts';
import { writePackage } from '../weights/package-writer.ts';
import { roundingNotice } from '../weights/rounding.ts';
import type { Scheme } from '../weights/types.ts';
import { oneOf, readRequest } from './arguments.ts';
import { openCheckpointFiles, type RepoPlace } from './checkpoint-place.ts';
import { folderSink } from '../tools/models/folder.ts';
import { modelName } from './open-model.ts';

const USAGE = `Usage: npm run convert -- SRC OUT --dtype ${SCHEMES.join('|')} [--name NAME] [--revision REV] [--endpoint URL]
                          [--suggestions FILE]

Turns SRC into OUT, a package of bamba-web (manifest.json and shards) whose matrices are stored in the given type. SRC
is a folder with a Hugging Face checkpoint (config.json, safetensors, tokenizer files), a GGUF file, or a repository
org/name of the Hub. A repository is read at REV (a branch, tag or commit; default main), with the access token in
HF_TOKEN if there is one. FILE has questions to begin with, as JSON: a list of questions. In the place of a question
there may be a list: a question, and those that follow it. A chat page offers them.`;

/**
 * The command `convert`.
 * @returns the exit status: 0, 1 for a model that cannot be converted, 2 for wrong arguments.
 */
export async function main(args: string[]): Promise<number> {
  const request = readRequest(args, USAGE, readArguments);
  if (typeof request === 'number') return request;
  try {
    const begun = performance.now();
    const { source, out, scheme, name, suggestions: file, ...where } = request;
    const suggestions = file === undefined ? undefined : await readSuggestions(file);
    const manifest = await convert(source, out, scheme, name, {
      ...where,
      suggestions,
      onProgress: showProgress(),
      onMessage: (message) => console.log(message),
    });
    console.log(summary(manifest, request.out, (performance.now() - begun) / 1000));
    return 0;
  } catch (error) {
    if (!(error instanceof BambaError)) throw error;
    console.error(`\n${error.message}`);
    return 1;
  }
}

export interface ConvertOptions extends RepoPlace {
  /** Questions to begin with, unchecked. */
  suggestions?: unknown;
  onProgress?: (progress: { tensor: string; written: number; total: number }) => void;
  /** Told in a sentence where the package cannot keep weights as they are. */
  onMessage?: (message: string) => void;
}

/**
 * Converts the checkpoint in folder `source`, or in the repository of that name where there is no such folder, into a
 * package in folder `out`.
 * @throws BambaError, see `writePackage`, `parseConfig` and `HubFiles`.
 */
export async function convert(
  source: string,
  out: string,
  scheme: Scheme,
  name: string,
  { onProgress, onMessage, suggestions, ...place }: ConvertOptions = {},
): Promise<Manifest> {
  const { files, repo } = await openCheckpointFiles(source, place);
  const config = await readText(files, 'config.json');
  if (!config) {
    throw new BambaError('config_invalid', `${source} has no config.json: name the folder of a checkpoint.`);
  }
  const { architecture, tensors, stopIds, quantization } = parseConfig(config);
  const checkpoint = await Checkpoint.open(files, undefined, quantization);
  const notice = roundingNotice(name, checkpoint, scheme);
  if (notice !== null) onMessage?.(notice);
  const manifest = await writePackage({
    checkpoint,
    specs: tensors,
    scheme,
    architecture,
    stopIds,
    suggestions,
    name,
    sink: await folderSink(out),
    ...(repo && { source: { repo: source, revision: await repo.version() } }),
    ...(onProgress && { onProgress }),
  });
  repo?.close();
  await removeStale(out, manifest);
  return manifest;
}

/** @throws BambaError `config_invalid` for a file that cannot be read. Its content is checked with the manifest. */
async function readSuggestions(file: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(file, 'utf8'));
  } catch (cause) {
    throw new BambaError('config_invalid', `${file} has to be JSON, a list of questions: ${(cause as Error).message}`, {
      cause,
    });
  }
}

/** Removes shards that a larger package left behind. */
async function removeStale(out: string, manifest: Manifest): Promise<void> {
  const current = new Set(manifest.shards.map(({ file }) => file));
  for (const file of await readdir(out)) {
    if (/^shard-\d{4,}\.bin$/.test(file) && !current.has(file)) await rm(join(out, file));
  }
}

interface Request {
  source: string;
  out: string;
  scheme: Scheme;
  name: string;
  revision?: string;
  endpoint?: string;
  /** File with questions to begin with. */
  suggestions?: string;
}

function readArguments(args: string[]): Request | null {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      dtype: { type: 'string' },
      name: { type: 'string' },
      revision: { type: 'string' },
      endpoint: { type: 'string' },
      suggestions: { type: 'string' },
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help) return null;
  const [source, out, ...rest] = positionals;
  if (source === undefined || out === undefined || rest.length > 0) throw new Error('Two folders are needed.');
  const scheme = oneOf('--dtype', values.dtype, SCHEMES);
  if (resolve(source) === resolve(out)) throw new Error('SRC and OUT have to be different folders.');
  const { revision, endpoint, suggestions, name = modelName(source) } = values;
  return {
    source,
    out,
    scheme,
    name,
    ...(revision !== undefined && { revision }),
    ...(endpoint !== undefined && { endpoint }),
    ...(suggestions !== undefined && { suggestions }),
  };
}

/** One line that is written over itself on a terminal; nothing elsewhere, so that logs stay short. */
function showProgress(): (progress: { tensor: string; written: number; total: number }) => void {
  if (!process.stderr.isTTY) return () => {};
  return ({ tensor, written, total }) => {
    const percent = String(Math.floor((100 * written) / total)).padStart(3);
    process.stderr.write(`\r\x1b[2K${percent} %  ${megabytes(written)} of ${megabytes(total)}  ${tensor}`);
    if (written === total) process.stderr.write('\r\x1b[2K');
  };
}

function summary(manifest: Manifest, out: string, seconds: number): string {
  const { name, scheme, parameters, tensors, shards, stream, files } = manifest;
  return [
    `${name}: ${(parameters / 1e6).toFixed(1)} million parameters as ${scheme} in ${out}`,
    `${tensors.length} tensors, ${shards.length} shards, ${megabytes(stream.bytes)}, ${seconds.toFixed(1)} s`,
    `Files: ${Object.keys(files).join(', ') || 'none (the checkpoint has no tokenizer)'}`,
  ].join('\n');
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}
