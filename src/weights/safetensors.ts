import { BambaError } from '../errors.ts';
import { type ByteSource, readExactly } from './byte-source.ts';
import { isPlainFileName } from './file-name.ts';
import { refuseForeign } from './foreign-content.ts';
import type { TensorInfo } from './types.ts';
import { isRecord, parseUntrustedJson } from './untrusted-json.ts';

// A safetensors file: the length L of the header (u64), L bytes of JSON, then the data of all tensors. Each value of
// the header is checked before it is believed: sizes and offsets decide which bytes are read and how many are
// allocated.

/** The header of Bamba-9B, were it in one file, would take 50 KB. */
export const MAX_HEADER_BYTES = 8 * 2 ** 20;
const MAX_TENSORS = 30_000;
/** The weight of an entry: 4 members, 3 containers and 5 commas. */
const ENTRY_WEIGHT = 20;
const MAX_INDEXED = 100_000;
/** A member and a comma. */
const INDEXED_WEIGHT = 4;
const MAX_DIMENSIONS = 8;

/** Bytes of an element. Only those in `checkpoint.ts`, of floating point, can be read as weights. */
const ELEMENT_BYTES: Readonly<Record<string, number>> = {
  BOOL: 1,
  U8: 1,
  I8: 1,
  F8_E4M3: 1,
  F8_E5M2: 1,
  I16: 2,
  U16: 2,
  F16: 2,
  BF16: 2,
  I32: 4,
  U32: 4,
  F32: 4,
  I64: 8,
  U64: 8,
  F64: 8,
};

/**
 * Reads and checks the header of one file.
 * @throws BambaError `checkpoint_invalid`.
 */
export async function readHeader(source: ByteSource, file: string, signal?: AbortSignal): Promise<TensorInfo[]> {
  const size = await source.size(file, signal);
  if (size === null) throw invalid(file, 'is missing', 'Fetch the checkpoint again.');
  const head = await readExactly(source, file, 0, Math.min(size, 8), signal);
  refuseForeign(file, head);
  const length = headerLength(file, size, head);
  return parseHeader(file, size, await readExactly(source, file, 8, 8 + length, signal));
}

/**
 * Length of the header's JSON, from the first eight bytes of a file of `fileSize` bytes.
 * @throws BambaError `checkpoint_invalid` where it is beyond the file or beyond MAX_HEADER_BYTES.
 */
export function headerLength(file: string, fileSize: number, prefix: Uint8Array): number {
  if (prefix.length < 8) throw invalid(file, `has ${fileSize} bytes, too few for a header`, TRUNCATED);
  const length = new DataView(prefix.buffer, prefix.byteOffset, 8).getBigUint64(0, true);
  if (length > BigInt(MAX_HEADER_BYTES)) {
    throw invalid(file, `claims a header of ${length} bytes; at most ${MAX_HEADER_BYTES} are accepted`, NOT_OURS);
  }
  if (Number(length) > fileSize - 8) {
    throw invalid(file, `claims a header of ${length} bytes but has only ${fileSize} bytes in all`, TRUNCATED);
  }
  return Number(length);
}

/**
 * Tensors that the JSON of a header lists, in the order of their data.
 * @throws BambaError `checkpoint_invalid` with the tensor's name.
 */
export function parseHeader(file: string, fileSize: number, json: Uint8Array): TensorInfo[] {
  const header = parseUntrustedJson(json, {
    what: `The header of ${file}`,
    code: 'checkpoint_invalid',
    maxBytes: MAX_HEADER_BYTES,
    maxDepth: 4,
    maxValues: MAX_TENSORS * ENTRY_WEIGHT,
  });
  if (!isRecord(header)) throw invalid(file, 'has a header that is not a JSON object', NOT_OURS);
  const dataBegin = 8 + json.length;
  const tensors: TensorInfo[] = [];
  for (const [name, entry] of Object.entries(header)) {
    if (name === '__metadata__') continue;
    tensors.push(parseTensor(file, name, entry, dataBegin, fileSize));
  }
  if (tensors.length > MAX_TENSORS) throw invalid(file, `lists more than ${MAX_TENSORS} tensors`, NOT_OURS);
  tensors.sort((a, b) => a.begin - b.begin || a.end - b.end);
  let previous: TensorInfo | undefined;
  for (const tensor of tensors) {
    if (previous && tensor.begin < previous.end) {
      throw invalid(file, `has overlapping tensors ${quote(previous.name)} and ${quote(tensor.name)}`, NOT_OURS);
    }
    previous = tensor;
  }
  return tensors;
}

function parseTensor(file: string, name: string, entry: unknown, dataBegin: number, fileSize: number): TensorInfo {
  const bad = (problem: string, hint = NOT_OURS) => invalid(file, `lists tensor ${quote(name)} with ${problem}`, hint);
  if (!isRecord(entry)) throw bad('something that is not an object');
  const { dtype, shape, data_offsets: offsets } = entry;
  if (typeof dtype !== 'string') throw bad('a dtype that is not a string');
  if (!Array.isArray(shape) || !shape.every(isCount)) throw bad('a shape that is not a list of non-negative integers');
  if (shape.length > MAX_DIMENSIONS) throw bad(`${shape.length} dimensions; at most ${MAX_DIMENSIONS} are accepted`);
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isCount)) {
    throw bad('data_offsets that are not two non-negative integers');
  }
  const [begin, end] = offsets as [number, number];
  if (begin > end) throw bad(`data_offsets [${begin}, ${end}] that end before they begin`);
  if (end > fileSize - dataBegin) {
    throw bad(`data that ends ${end - (fileSize - dataBegin)} bytes after the end of the file`, TRUNCATED);
  }
  const elementBytes = Object.hasOwn(ELEMENT_BYTES, dtype) ? ELEMENT_BYTES[dtype] : undefined;
  if (elementBytes !== undefined) {
    const bytes = shape.reduce((product, size) => product * size, 1) * elementBytes;
    if (bytes !== end - begin) {
      throw bad(`${end - begin} bytes of data, but ${dtype} of shape [${shape.join(', ')}] takes ${bytes}`);
    }
  }
  return { name, file, dtype, shape, begin: dataBegin + begin, end: dataBegin + end };
}

/**
 * File of each tensor, from the text of `model.safetensors.index.json`.
 * @throws BambaError `checkpoint_invalid`, also for a file name that could leave the checkpoint's folder.
 */
export function parseIndex(json: Uint8Array): Map<string, string> {
  const what = 'model.safetensors.index.json';
  const index = parseUntrustedJson(json, {
    what,
    code: 'checkpoint_invalid',
    maxBytes: MAX_HEADER_BYTES,
    maxDepth: 8,
    maxValues: MAX_INDEXED * INDEXED_WEIGHT,
  });
  const map = isRecord(index) ? index['weight_map'] : undefined;
  if (!isRecord(map)) throw invalid(what, 'has no weight_map', NOT_OURS);
  const files = new Map<string, string>();
  for (const [name, file] of Object.entries(map)) {
    if (!isPlainFileName(file)) {
      throw invalid(what, `gives tensor ${quote(name)} the file ${quote(file)}, no plain file name`, NOT_OURS);
    }
    files.set(name, file);
  }
  if (files.size === 0) throw invalid(what, 'lists no tensors', NOT_OURS);
  return files;
}

const TRUNCATED = 'The file is truncated or damaged: fetch it again.';
const NOT_OURS = 'The file is damaged or was not written by a safetensors library: fetch it again.';

function invalid(file: string, problem: string, hint: string): BambaError {
  return new BambaError('checkpoint_invalid', `${file} ${problem}. ${hint}`);
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

/** Quoted and cut to a length that fits a sentence: names come from outside. */
function quote(value: unknown): string {
  const text = JSON.stringify(value) ?? 'undefined';
  return text.length > 80 ? `${text.slice(0, 77)}..."` : text;
}
