import * as v from 'valibot';
import { BambaError } from '../errors.ts';
import { isPlainFileName } from './file-name.ts';
import { alignTo, TENSOR_ALIGNMENT, tensorBytes } from './layout.ts';
import type { Scheme } from './types.ts';
import { isRecord, parseUntrustedJson } from './untrusted-json.ts';

// manifest.json of a package. All tensors lie in one stream of bytes. It is cut into shards of SHARD_BYTES each, but
// for the last one: a tensor simply goes on in the next shard.

export const MANIFEST_FILE = 'manifest.json';
export const MANIFEST_FORMAT = 'bamba-web';
/** The version of the format that this code writes, and the only one that it reads. */
export const MANIFEST_VERSION = 1;
/** Bytes of every shard but the last: what loading holds in memory at once. */
export const SHARD_BYTES = 16 * 2 ** 20;
/** Schemes that a package can have, as `--dtype` spells them. */
export const SCHEMES = ['f32', 'f16', 'int8', 'fp8', 'int4'] as const satisfies readonly Scheme[];
/** Text files that a package can bring along, under the names that checkpoints have for them. */
export const PACKAGE_FILES = [
  'tokenizer.json',
  'tokenizer_config.json',
  'generation_config.json',
  'chat_template.jinja',
  'special_tokens_map.json',
] as const;
export type PackageFile = (typeof PACKAGE_FILES)[number];

/** Bamba-9B's manifest has 150 KB. */
export const MAX_MANIFEST_BYTES = 8 * 2 ** 20;
const MAX_TENSORS = 15_000;
/** 250 GB. */
const MAX_SHARDS = 15_000;
const MAX_PACKAGE_FILE = 64 * 2 ** 20;
const MAX_DIMENSION = 2 ** 32;
/** Questions to begin with, and steps of each: what a first screen has room for. */
const MAX_SUGGESTIONS = 16;
const MAX_STEPS = 8;
/** Ids that end an answer, of one file. An answer ends at fewer: see `MAX_STOP_IDS` of the sampler. */
export const MOST_END_IDS = 1000;

const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const dimension = v.pipe(v.number(), v.safeInteger(), v.minValue(1), v.maxValue(MAX_DIMENSION));
const shortText = v.pipe(v.string(), v.maxLength(200));
const fileName = v.custom<string>(isPlainFileName, 'is no plain file name');
const sha256 = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/, 'is no SHA-256 in lower-case hexadecimal'));
const question = v.pipe(shortText, v.minLength(1));
const blob = { file: fileName, bytes: count, sha256 };

const tensorSchema = v.object({
  name: v.pipe(shortText, v.minLength(1)),
  shape: v.pipe(v.array(dimension), v.minLength(1), v.maxLength(2)),
  scheme: v.picklist(SCHEMES),
  offset: count,
  bytes: count,
});

const manifestSchema = v.object({
  format: v.literal(MANIFEST_FORMAT),
  version: v.literal(MANIFEST_VERSION),
  name: v.pipe(shortText, v.minLength(1)),
  source: v.object({ repo: v.optional(shortText), revision: v.optional(shortText) }),
  scheme: v.picklist(SCHEMES),
  architecture: v.custom<object>(isRecord, 'is no object'),
  parameters: count,
  /** Tokens that end an answer by the checkpoint's config.json. Packages of earlier versions do not say. */
  stopIds: v.optional(v.pipe(v.array(count), v.maxLength(MOST_END_IDS))),
  /** Questions that show what the model is good at; a list is a question, then those that follow it. */
  suggestions: v.optional(
    v.pipe(
      v.array(v.union([question, v.pipe(v.tupleWithRest([question], question), v.maxLength(MAX_STEPS))])),
      v.maxLength(MAX_SUGGESTIONS),
    ),
  ),
  stream: v.object({ bytes: v.pipe(count, v.minValue(1)) }),
  tensors: v.pipe(v.array(tensorSchema), v.minLength(1), v.maxLength(MAX_TENSORS)),
  shards: v.pipe(v.array(v.object(blob)), v.minLength(1), v.maxLength(MAX_SHARDS)),
  files: v.object(
    v.entriesFromList(
      PACKAGE_FILES,
      v.optional(v.object({ ...blob, bytes: v.pipe(count, v.maxValue(MAX_PACKAGE_FILE)) })),
    ),
  ),
});

/** The parts of a package. `architecture` is opaque here; the model's code validates it. */
export type Manifest = v.InferOutput<typeof manifestSchema>;
/** A file of a package: where it is, how long, and its SHA-256. */
export type BlobEntry = Manifest['shards'][number];

/**
 * Reads the text of a manifest.json, which nobody vouches for.
 * @throws BambaError `manifest_invalid`, `manifest_version`.
 */
export function parseManifest(text: Uint8Array): Manifest {
  const json = parseUntrustedJson(text, {
    what: MANIFEST_FILE,
    code: 'manifest_invalid',
    maxBytes: MAX_MANIFEST_BYTES,
    maxDepth: 16,
    maxValues: 600_000,
  });
  return checkManifest(json);
}

/**
 * The same for a manifest that is parsed already, such as a stored one.
 * @throws BambaError `manifest_invalid`, `manifest_version`.
 */
export function checkManifest(json: unknown): Manifest {
  if (!isRecord(json) || json['format'] !== MANIFEST_FORMAT) {
    throw invalid('is not the manifest of a bamba-web package. Check the address of the model');
  }
  if (json['version'] !== MANIFEST_VERSION) {
    const version = JSON.stringify(json['version'])?.slice(0, 20);
    throw new BambaError(
      'manifest_version',
      `${MANIFEST_FILE} has version ${version}, and this bamba-web understands version ${MANIFEST_VERSION}. ` +
        'Update bamba-web, or convert the model again.',
    );
  }
  const parsed = v.safeParse(manifestSchema, json, { abortEarly: true });
  if (!parsed.success) {
    const [issue] = parsed.issues;
    throw invalid(`is damaged: ${v.getDotPath(issue)?.slice(0, 100) ?? 'it'}: ${issue.message.slice(0, 200)}`);
  }
  checkTensors(parsed.output);
  checkShards(parsed.output);
  return parsed.output;
}

function checkTensors({ tensors, stream, scheme }: Manifest): void {
  const names = new Set<string>();
  let end = 0;
  for (const { name, shape, scheme: own, offset, bytes } of tensors) {
    const bad = (problem: string) => invalid(`is damaged: tensor ${JSON.stringify(name)} ${problem}`);
    if (names.has(name)) throw bad('is listed twice');
    names.add(name);
    if (!fits(own, scheme)) throw bad(`has scheme ${own} in a package of scheme ${scheme}`);
    if (own !== 'f32' && shape.length !== 2) throw bad(`has scheme ${own} but is no matrix`);
    if (bytes !== tensorBytes(own, shape)) {
      throw bad(`has ${bytes} bytes; by its shape it has ${tensorBytes(own, shape)}`);
    }
    // Tensors follow each other without a gap beyond the alignment: a lying offset cannot reserve memory.
    if (offset !== alignTo(end, TENSOR_ALIGNMENT)) throw bad(`begins at ${offset}, not right after the one before it`);
    end = offset + bytes;
  }
  if (end !== stream.bytes) throw invalid(`is damaged: tensors end at ${end}, the stream at ${stream.bytes}`);
}

/** Whether a package of `scheme` may have a tensor of `own`: vectors are f32, and int4 has its vocabulary in int8. */
function fits(own: Scheme, scheme: Scheme): boolean {
  return own === 'f32' || own === scheme || (own === 'int8' && scheme === 'int4');
}

function checkShards({ shards, stream, files }: Manifest): void {
  const expected = Math.ceil(stream.bytes / SHARD_BYTES);
  if (shards.length !== expected) {
    throw invalid(`is damaged: ${shards.length} shards for a stream of ${stream.bytes} bytes, which takes ${expected}`);
  }
  const names = new Set<string>([MANIFEST_FILE]);
  for (const { file } of [...shards, ...Object.values(files)].filter((entry) => entry !== undefined)) {
    if (names.has(file)) throw invalid(`is damaged: file ${file} is listed twice`);
    names.add(file);
  }
  for (const [index, { file, bytes }] of shards.entries()) {
    const wanted = shardBytes(stream.bytes, index);
    if (bytes !== wanted) throw invalid(`is damaged: shard ${file} has ${bytes} bytes, not ${wanted}`);
  }
}

/** Name of shard `index`: `shard-0000.bin`. */
export function shardFile(index: number): string {
  return `shard-${String(index).padStart(4, '0')}.bin`;
}

/** Bytes of shard `index` of a stream. */
export function shardBytes(streamBytes: number, index: number): number {
  return Math.min(SHARD_BYTES, streamBytes - index * SHARD_BYTES);
}

function invalid(problem: string): BambaError {
  return new BambaError('manifest_invalid', `${MANIFEST_FILE} ${problem}.`);
}
