import type { Checkpoint, StoredRows } from './checkpoint.ts';
import type { Scheme, TensorSource, TensorSpec } from './types.ts';

// From what a specification says of a source to the rows of a checkpoint.

/** Rows that a source gives. */
export function sourceRows({ shape, rows }: Pick<TensorSource, 'shape' | 'rows'>): number {
  if (rows) return rows[1] - rows[0];
  return shape.slice(0, Math.max(1, shape.length - 1)).reduce((product, size) => product * size, 1);
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
  { name, rows, factor = 1 }: TensorSource,
  begin: number,
  end: number,
  signal?: AbortSignal,
  allocate?: (length: number) => Float32Array,
): Promise<Float32Array> {
  const first = rows?.[0] ?? 0;
  const values = await checkpoint.readRows(name, first + begin, first + end, signal, allocate);
  if (factor !== 1) for (let i = 0; i < values.length; i++) values[i] = (values[i] as number) * factor;
  return values;
}

/** The same as they are stored, where the scheme holds that; else null. @throws BambaError as `Checkpoint.readStoredRows`. */
export async function readStoredSource(
  checkpoint: Checkpoint,
  { name, rows, factor = 1 }: TensorSource,
  scheme: Scheme,
  begin: number,
  end: number,
  signal?: AbortSignal,
): Promise<StoredRows | null> {
  const first = rows?.[0] ?? 0;
  const stored = await checkpoint.readStoredRows(name, scheme, first + begin, first + end, signal);
  return stored && { bytes: stored.bytes, scales: stored.scales.map((scale) => scale * factor) };
}
