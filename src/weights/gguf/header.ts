import { BambaError } from '../../errors.ts';
import { type ByteSource, readExactly } from '../byte-source.ts';
import { refuseForeign } from '../foreign-content.ts';
import { EndOfBytes, GgufCursor, quote } from './cursor.ts';
import { GgufMetadata, type GgufValue } from './metadata.ts';
import { ggufTensorType } from './tensor-types.ts';

// A GGUF file has "GGUF", a version, and the numbers of tensors and of metadata keys. The keys with their values
// follow, the table of tensors, then their data. Each value is checked before it is believed. The length of all before
// the data shows only as it is read. So the first MB is read, then four times as much, up to a bound.

/** A tensor of a GGUF file: checked to lie inside it. */
export interface GgufTensor {
  name: string;
  /** `F32`, `Q4_K` and so on; it may be one that cannot be read. */
  dtype: string;
  /** As the file has them: columns first. */
  dims: number[];
  /** Bytes [begin, end) of the file. */
  begin: number;
  end: number;
}

/** The contents of a GGUF file before its data. */
export interface GgufHeader {
  metadata: GgufMetadata;
  tensors: GgufTensor[];
}

const FIRST_READ = 2 ** 20;
/** A vocabulary of 262,144 tokens with its scores takes 6 MB. */
const MAX_HEADER_BYTES = 64 * 2 ** 20;
const MAX_TENSORS = 100_000;
const MAX_KEYS = 10_000;
const MAX_DIMENSIONS = 4;
const MAX_NAME_BYTES = 256;
const MAX_KEY_BYTES = 1024;
const VERSIONS: ReadonlySet<number> = new Set([2, 3]);
const DEFAULT_ALIGNMENT = 32;
/** The fewest bytes of a key with its value, and of an entry of the table. */
const [LEAST_KEY, LEAST_TENSOR] = [13, 32];

const DAMAGED = 'The file is damaged: fetch it again.';

/**
 * Reads and checks all of a file but its data.
 * @throws BambaError `checkpoint_invalid`, which names the key or the tensor; what the source throws.
 */
export async function readGgufHeader(source: ByteSource, file: string, signal?: AbortSignal): Promise<GgufHeader> {
  const size = await source.size(file, signal);
  if (size === null) throw invalid(file, 'is missing', 'Fetch it again.');
  let bytes = new Uint8Array();
  for (let wanted = FIRST_READ; ; wanted *= 4) {
    const end = Math.min(size, wanted, MAX_HEADER_BYTES);
    const more = await readExactly(source, file, bytes.length, end, signal);
    const joined = new Uint8Array(end);
    joined.set(bytes);
    joined.set(more, bytes.length);
    bytes = joined;
    try {
      return parseGgufHeader(file, size, bytes);
    } catch (error) {
      if (!(error instanceof EndOfBytes)) throw error;
      if (end === size) throw invalid(file, `ends inside ${error.reading}`, 'The file was cut short: fetch it again.');
      if (end === MAX_HEADER_BYTES) {
        throw invalid(file, `has more than ${MAX_HEADER_BYTES} bytes before its data, at ${error.reading}`, DAMAGED);
      }
    }
  }
}

/**
 * Reads the header from the first bytes of a file of `fileSize` bytes.
 * @throws EndOfBytes where there are too few of them; BambaError `checkpoint_invalid`.
 */
export function parseGgufHeader(file: string, fileSize: number, bytes: Uint8Array): GgufHeader {
  const cursor = new GgufCursor(file, fileSize, bytes);
  readMagic(file, cursor);
  const tensorCount = readCount(file, cursor, 'tensors', MAX_TENSORS);
  const keyCount = readCount(file, cursor, 'metadata keys', MAX_KEYS);
  if (tensorCount * LEAST_TENSOR + keyCount * LEAST_KEY > fileSize) {
    const claim = `claims ${tensorCount} tensors and ${keyCount} metadata keys but has only ${fileSize} bytes in all`;
    throw invalid(file, claim, 'The file was cut short or damaged: fetch it again.');
  }
  const values = new Map<string, GgufValue>();
  for (let index = 0; index < keyCount; index++) {
    const key = cursor.text(`metadata key ${index}`, MAX_KEY_BYTES);
    if (key === '') throw invalid(file, `has an empty name as metadata key ${index}`, DAMAGED);
    if (values.has(key)) throw invalid(file, `has the metadata key ${quote(key)} twice`, DAMAGED);
    values.set(key, cursor.value(`metadata key ${quote(key)}`));
  }
  const metadata = new GgufMetadata(file, values);
  const alignment = readAlignment(metadata);
  const entries = Array.from({ length: tensorCount }, (_, index) => readTensor(file, cursor, index));
  const dataBegin = Math.ceil(cursor.position / alignment) * alignment;
  const tensors = entries.map((entry) => place(file, entry, { dataBegin, alignment, fileSize }));
  checkApart(file, tensors);
  return { metadata, tensors };
}

function readMagic(file: string, cursor: GgufCursor): void {
  const head = cursor.raw('the first four bytes', 4);
  const magic = new TextDecoder('latin1').decode(head);
  if (magic !== 'GGUF') {
    refuseForeign(file, cursor.head());
    throw invalid(file, `does not begin as a GGUF file but with ${quote(magic)}`, DAMAGED);
  }
  const version = cursor.u32('its version');
  if (VERSIONS.has(version)) return;
  const swapped = version > 0xffff && version % 2 ** 16 === 0;
  throw invalid(
    file,
    swapped ? 'is written for machines with the other order of bytes' : `is of version ${version} of GGUF`,
    'Versions 2 and 3, little-endian, are supported: take a newer file of the model.',
  );
}

function readCount(file: string, cursor: GgufCursor, what: string, most: number): number {
  const count = cursor.u64(`its number of ${what}`);
  if (count <= BigInt(most)) return Number(count);
  throw invalid(file, `claims ${count} ${what}; at most ${most} are accepted`, DAMAGED);
}

function readAlignment(metadata: GgufMetadata): number {
  const alignment = metadata.count('general.alignment', DEFAULT_ALIGNMENT);
  if (alignment % 8 === 0 && alignment <= 2 ** 20) return alignment;
  throw metadata.invalid('general.alignment', 'has to be a multiple of 8 of at most a million');
}

/** An entry of the table, its offset not checked yet. */
type Entry = Pick<GgufTensor, 'name' | 'dtype' | 'dims'> & { offset: bigint; bytes: number };

function readTensor(file: string, cursor: GgufCursor, index: number): Entry {
  const name = cursor.text(`the name of tensor ${index}`, MAX_NAME_BYTES);
  const bad = (problem: string) => invalid(file, `lists tensor ${quote(name)} with ${problem}`, DAMAGED);
  const reading = `the entry of tensor ${quote(name)}`;
  const count = cursor.u32(reading);
  if (count < 1 || count > MAX_DIMENSIONS) throw bad(`${count} dimensions; 1 to ${MAX_DIMENSIONS} are accepted`);
  const dims: number[] = [];
  let values = 1n;
  for (let i = 0; i < count; i++) {
    const dim = cursor.u64(reading);
    values *= dim;
    if (dim < 1n || values > BigInt(Number.MAX_SAFE_INTEGER)) {
      throw bad(`a dimension of ${dim}, which no tensor has`);
    }
    dims.push(Number(dim));
  }
  const id = cursor.u32(reading);
  const type = ggufTensorType(id);
  if (!type) throw bad(`type ${id}, which is not known here`);
  const [columns = 1] = dims;
  if (columns % type.values !== 0) {
    throw bad(`rows of ${columns} weights of type ${type.name}, which come in blocks of ${type.values}`);
  }
  return {
    name,
    dtype: type.name,
    dims,
    offset: cursor.u64(reading),
    bytes: (Number(values) / type.values) * type.bytes,
  };
}

function place(
  file: string,
  { name, dtype, dims, offset, bytes }: Entry,
  { dataBegin, alignment, fileSize }: { dataBegin: number; alignment: number; fileSize: number },
): GgufTensor {
  const bad = (problem: string, hint = DAMAGED) => invalid(file, `lists tensor ${quote(name)} with ${problem}`, hint);
  if (offset % BigInt(alignment) !== 0n) throw bad(`offset ${offset}, which is no multiple of ${alignment}`);
  const begin = BigInt(dataBegin) + offset;
  const beyond = begin + BigInt(bytes) - BigInt(fileSize);
  if (beyond > 0n) {
    throw bad(`data that ends ${beyond} bytes after the end of the file`, 'The file was cut short: fetch it again.');
  }
  return { name, dtype, dims, begin: Number(begin), end: Number(begin) + bytes };
}

/** Makes sure that no two tensors share a name or a byte. */
function checkApart(file: string, tensors: readonly GgufTensor[]): void {
  const names = new Set<string>();
  let previous: GgufTensor | undefined;
  for (const tensor of tensors.toSorted((a, b) => a.begin - b.begin || a.end - b.end)) {
    if (names.has(tensor.name)) throw invalid(file, `lists tensor ${quote(tensor.name)} twice`, DAMAGED);
    names.add(tensor.name);
    if (previous && tensor.begin < previous.end) {
      throw invalid(file, `has overlapping tensors ${quote(previous.name)} and ${quote(tensor.name)}`, DAMAGED);
    }
    previous = tensor;
  }
}

function invalid(file: string, problem: string, hint: string): BambaError {
  return new BambaError('checkpoint_invalid', `${file} ${problem}. ${hint}`);
}
