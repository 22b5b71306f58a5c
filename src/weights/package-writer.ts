import { BambaError } from '../errors.ts';
import { throwIfAborted } from './abort.ts';
import type { Checkpoint } from './checkpoint.ts';
import { F8_NAN } from './half.ts';
import { alignTo, rowBytes, scaleBytesPerRow, TENSOR_ALIGNMENT, tensorBytes } from './layout.ts';
import {
  checkManifest,
  type Manifest,
  MANIFEST_FILE,
  MANIFEST_FORMAT,
  MANIFEST_VERSION,
  PACKAGE_FILES,
} from './manifest.ts';
import { type QuantizedRows, quantizeRows } from './quantize.ts';
import { sha256Hex } from './sha256.ts';
import { type PackageSink, ShardWriter } from './shard-writer.ts';
import type { Scheme, TensorEntry, TensorSpec } from './types.ts';

/** f32 bytes of the rows that are worked on at once. */
const PIECE_BYTES = 8 * 2 ** 20;

export interface PackageOptions {
  checkpoint: Checkpoint;
  /** In the order of use, which is the order of upload. */
  specs: readonly TensorSpec[];
  scheme: Scheme;
  /** Name of the model for people. */
  name: string;
  source?: Manifest['source'];
  /** Normalized; goes into the manifest as it is. */
  architecture: object;
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
  // All faults of names and shapes show before the first byte is written.
  for (const { sources } of specs) for (const { name, shape } of sources) checkpoint.require(name, shape);
  const tensors = planTensors(specs, scheme);
  const total = streamBytes(tensors);
  const shards = new ShardWriter(sink);
  for (const [index, spec] of specs.entries()) {
    const entry = tensors[index] as TensorEntry;
    options.onProgress?.({ tensor: spec.name, written: shards.position, total });
    await shards.zeros(entry.offset - shards.position);
    await writeTensor(checkpoint, spec, entry.scheme, shards, signal);
    await shards.zeros(entry.offset + entry.bytes - shards.position);
  }
  options.onProgress?.({ tensor: '', written: shards.position, total });
  const manifest = checkManifest({
    format: MANIFEST_FORMAT,
    version: MANIFEST_VERSION,
    name: options.name,
    source: options.source ?? {},
    scheme,
    architecture: options.architecture,
    parameters: specs.reduce((sum, { shape }) => sum + shape.reduce((product, size) => product * size, 1), 0),
    stream: { bytes: total },
    tensors,
    shards: await shards.end(),
    files: await writeFiles(checkpoint, sink, signal),
  });
  await sink.write(MANIFEST_FILE, new TextEncoder().encode(`${JSON.stringify(manifest, null, 1)}\n`));
  return manifest;
}

/** Where each tensor lies in the stream of a package of this scheme: what it will take, known before anything is read. */
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

/** Writes weights, then scales; the padding after them is the caller's. */
async function writeTensor(
  checkpoint: Checkpoint,
  spec: TensorSpec,
  scheme: Scheme,
  shards: ShardWriter,
  signal?: AbortSignal,
): Promise<void> {
  const [rows = 1, columns = 1] = spec.shape;
  const scaleBytes = pieceScaleBytes(spec, scheme, columns);
  const scales = new Uint8Array(rows * scaleBytes);
  let row = 0;
  for await (const piece of readPieces(checkpoint, spec, scheme, columns, signal)) {
    await shards.write(piece.bytes);
    scales.set(piece.scales, row * scaleBytes);
    row += piece.bytes.length / pieceStride(spec, scheme, columns);
  }
  if (row !== rows) throw new RangeError(`The sources of ${spec.name} have ${row} rows, its shape ${rows}.`);
  await shards.write(scales);
}

/** Bytes from one row to the next. A vector's elements are rows of one column, without padding. */
function pieceStride(spec: TensorSpec, scheme: Scheme, columns: number): number {
  return spec.shape.length === 1 ? 4 : rowBytes(scheme, columns);
}

/** Bytes of the scales of a row. A vector has none. */
function pieceScaleBytes(spec: TensorSpec, scheme: Scheme, columns: number): number {
  return spec.shape.length === 1 ? 0 : scaleBytesPerRow(scheme, columns);
}

async function* readPieces(
  checkpoint: Checkpoint,
  spec: TensorSpec,
  scheme: Scheme,
  columns: number,
  signal?: AbortSignal,
): AsyncGenerator<QuantizedRows> {
  const { sources } = spec;
  const stride = pieceStride(spec, scheme, columns);
  if (sources.length === 0) {
    const rows = spec.shape[0] ?? 1;
    const scales = new Uint8Array(rows * pieceScaleBytes(spec, scheme, columns));
    yield { bytes: new Uint8Array(rows * stride), scales };
    return;
  }
  const read = async (name: string, begin: number, end: number): Promise<QuantizedRows> => {
    throwIfAborted(signal);
    return (
      (scheme === 'fp8' ? await passThrough(checkpoint, name, begin, end, columns, signal) : null) ??
      encode(spec, scheme, await checkpoint.readRows(name, begin, end, signal), columns, name, begin)
    );
  };
  // Interleaved sources are read side by side and share the piece.
  const together = spec.arrange === 'interleave' ? sources.length : 1;
  const rowsAtOnce = Math.max(1, Math.floor(PIECE_BYTES / (columns * 4 * together)));
  for (let first = 0; first < sources.length; first += together) {
    const group = sources.slice(first, first + together);
    const rows = group[0]?.shape[0] ?? 1;
    for (let begin = 0; begin < rows; begin += rowsAtOnce) {
      const end = Math.min(rows, begin + rowsAtOnce);
      const parts: QuantizedRows[] = [];
      for (const { name } of group) parts.push(await read(name, begin, end));
      yield parts.length === 1 ? (parts[0] as QuantizedRows) : interleave(parts, stride);
    }
  }
}

/** Rows of an FP8 checkpoint as they are: requantizing would round them a second time. Null for other tensors. */
async function passThrough(
  checkpoint: Checkpoint,
  name: string,
  begin: number,
  end: number,
  columns: number,
  signal?: AbortSignal,
): Promise<QuantizedRows | null> {
  const stored = await checkpoint.readFp8Rows(name, begin, end, signal);
  if (!stored) return null;
  const nan = stored.bytes.findIndex((code) => (code & 0x7f) === F8_NAN);
  if (nan >= 0) {
    throw new BambaError(
      'checkpoint_invalid',
      `Tensor ${name} has a weight in row ${begin + Math.floor(nan / columns)} that is not a number. ` +
        'The checkpoint is damaged.',
    );
  }
  const stride = rowBytes('fp8', columns);
  const bytes = new Uint8Array((end - begin) * stride);
  for (let row = 0; row < end - begin; row++) {
    bytes.set(stored.bytes.subarray(row * columns, (row + 1) * columns), row * stride);
  }
  return { bytes, scales: new Uint8Array(stored.scales.slice().buffer) };
}

function encode(
  spec: TensorSpec,
  scheme: Scheme,
  values: Float32Array,
  columns: number,
  name: string,
  firstRow: number,
): QuantizedRows {
  if (spec.map === 'negate_exp') for (let i = 0; i < values.length; i++) values[i] = -Math.exp(values[i] as number);
  if (spec.shape.length === 2) return quantizeRows(scheme, values, columns, { name, firstRow });
  // One row of the length of the piece, so that a vector is not padded element by element.
  const { bytes } = quantizeRows('f32', values, values.length, { name, firstRow });
  return { bytes: bytes.subarray(0, values.length * 4), scales: new Uint8Array() };
}

/** Row 0 of each part, row 1 of each part, and so on. */
function interleave(parts: readonly QuantizedRows[], stride: number): QuantizedRows {
  const rows = (parts[0] as QuantizedRows).bytes.length / stride;
  const bytes = new Uint8Array(rows * stride * parts.length);
  const scaleBytes = (parts[0] as QuantizedRows).scales.length / rows;
  const scales = new Uint8Array(rows * scaleBytes * parts.length);
  for (const [index, part] of parts.entries()) {
    for (let row = 0; row < rows; row++) {
      const target = row * parts.length + index;
      bytes.set(part.bytes.subarray(row * stride, (row + 1) * stride), target * stride);
      scales.set(part.scales.subarray(row * scaleBytes, (row + 1) * scaleBytes), target * scaleBytes);
    }
  }
  return { bytes, scales };
}
