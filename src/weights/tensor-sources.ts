import type { Checkpoint, StoredRows } from './checkpoint.ts';
import type { Scheme, TensorSource, TensorSpec } from './types.ts';

// From what a specification says of a source to the rows of a checkpoint.

/** Rows that a source gives. */
export function sourceRows({ shape, rows, every = 1, flat }: Omit<TensorSource, 'name'>): number {
  if (rows) return Math.ceil((rows[1] - rows[0]) / every);
  return shape
    .slice(0, flat ? shape.length : Math.max(1, shape.length - 1))
    .reduce((product, size) => product * size, 1);
}

/**
 * The specifications with each source under the name that this checkpoint has for it, all names and shapes checked.
 * @throws BambaError as `Checkpoint.require`.
 */
export function resolveSources(checkpoint: Checkpoint, specs: readonly TensorSpec[]): TensorSpec[] {
  return specs.map((spec) => ({ ...spec, sources: spec.sources.map((source) => resolve(checkpoint, source)) }));
}

function resolve(checkpoint: Checkpoint, source: TensorSource): TensorSource {
  const alias = [source.name, ...(source.aliases ?? [])].find((known) => checkpoint.has(known));
  const name = alias ?? source.name;
  checkpoint.require(name, source.shape);
  return { ...source, name };
}

/** Rows [begin, end) of a source as f32, its factor applied. @throws BambaError as `Checkpoint.readRows`. */
export async function readSource(
  checkpoint: Checkpoint,
  source: TensorSource,
  begin: number,
  end: number,
  signal?: AbortSignal,
  allocate?: (length: number) => Float32Array,
): Promise<Float32Array> {
  const { name, rows, every = 1, flat, factor = 1 } = source;
  if (flat) return readElements(checkpoint, source, begin, end, signal);
  const first = rows?.[0] ?? 0;
  const last = first + (end - 1) * every + 1;
  const values = isWhole(source)
    ? await checkpoint.readRows(name, first + begin, first + end, signal, allocate)
    : placed(source, await checkpoint.readRows(name, first + begin * every, last, signal), allocate);
  if (factor !== 1) for (let i = 0; i < values.length; i++) values[i] = (values[i] as number) * factor;
  return values;
}

/** Elements [begin, end) of a source whose elements are its rows. */
async function readElements(
  checkpoint: Checkpoint,
  { name, shape, factor = 1 }: TensorSource,
  begin: number,
  end: number,
  signal?: AbortSignal,
): Promise<Float32Array> {
  const width = shape.at(-1) ?? 1;
  const firstRow = Math.floor(begin / width);
  const rows = await checkpoint.readRows(name, firstRow, Math.ceil(end / width), signal);
  return rows.slice(begin - firstRow * width, end - firstRow * width).map((value) => value * factor);
}

/** Whether rows of the tensor follow each other as they do in the checkpoint. */
function isWhole({ every = 1, columns, flat }: TensorSource): boolean {
  return every === 1 && !columns && !flat;
}

/** Every so many of the rows in `values`, each where its columns belong. */
function placed(
  { shape, every = 1, columns }: TensorSource,
  values: Float32Array,
  allocate: (length: number) => Float32Array = (length) => new Float32Array(length),
): Float32Array {
  const own = shape.length > 1 ? (shape.at(-1) as number) : 1;
  const [at, width] = columns ?? [0, own];
  const count = Math.ceil(values.length / own / every);
  const out = allocate(count * width).fill(0);
  for (let row = 0; row < count; row++) {
    const begin = row * every * own;
    out.set(values.subarray(begin, begin + own), row * width + at);
  }
  return out;
}

/** The same as they are stored, where the scheme holds that; else null. @throws BambaError as `Checkpoint.readStoredRows`. */
export async function readStoredSource(
  checkpoint: Checkpoint,
  source: TensorSource,
  scheme: Scheme,
  begin: number,
  end: number,
  signal?: AbortSignal,
): Promise<StoredRows | null> {
  if (!isWhole(source)) return null;
  const { name, rows, factor = 1 } = source;
  const first = rows?.[0] ?? 0;
  const stored = await checkpoint.readStoredRows(name, scheme, first + begin, first + end, signal);
  return stored && { bytes: stored.bytes, scales: stored.scales.map((scale) => scale * factor) };
}
