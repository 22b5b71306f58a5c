import type { Model } from '../../model/model.ts';
import type { PackageSource } from '../../storage/packages/package-source.ts';
import { packageTensors, parseArchitecture } from '../../architecture/config.ts';
import { matrixBytes } from '../../weights/layout.ts';
import { planTensors } from '../../weights/package-writer.ts';
import { dequantizeMatrix, quantizeRows } from '../../weights/quantize.ts';
import type { Scheme, TensorEntry } from '../../weights/types.ts';
import { type Divergence, divergence, textLogits, type TextLogits } from './divergence.ts';

/** What rounding one matrix alone costs. */
export interface ModuleDivergence extends Divergence {
  name: string;
  /** That of the matrix in a package of the scheme: vocabularies stay in int8. */
  scheme: Scheme;
  /** Of the matrix, rounded. */
  bytes: number;
}

/**
 * Rounds one matrix of a model at a time, and compares it with the model as it was.
 * @param given `model` in f32, of the package `source`; it is as before in the end
 * @returns the most fragile first
 */
export async function moduleDivergences({
  model,
  source,
  scheme,
  reference,
  sequences,
  onModule,
}: {
  model: Model;
  source: PackageSource;
  scheme: Scheme;
  reference: TextLogits;
  sequences: readonly (readonly number[])[];
  onModule: (name: string) => void;
}): Promise<ModuleDivergence[]> {
  const specs = packageTensors(parseArchitecture(source.manifest.architecture));
  // Not each tensor of two dimensions is a matrix, and some are stored in another scheme.
  const stored = new Map(planTensors(specs, scheme).map((entry) => [entry.name, entry.scheme]));
  const found: ModuleDivergence[] = [];
  for (const entry of source.manifest.tensors) {
    const own = stored.get(entry.name);
    if (own === undefined || own === 'f32') continue;
    onModule(entry.name);
    const original = await readStream(source, entry);
    await model.replaceWeights(entry.offset, rounded(original, entry, own));
    const logits = await textLogits(model, sequences);
    await model.replaceWeights(entry.offset, original);
    const [rows, columns] = entry.shape as [number, number];
    found.push({
      name: entry.name,
      scheme: own,
      bytes: matrixBytes(own, rows, columns),
      ...divergence(reference, logits, sequences),
    });
  }
  return found.toSorted((a, b) => b.klMean - a.klMean);
}

/** A matrix of f32 as it is when it was stored in a scheme. */
function rounded(
  original: Uint8Array<ArrayBuffer>,
  { name, shape }: TensorEntry,
  scheme: Scheme,
): Uint8Array<ArrayBuffer> {
  const [rows, columns] = shape as [number, number];
  const stride = original.byteLength / rows;
  const values = new Float32Array(rows * columns);
  const stored = new Float32Array(original.buffer);
  for (let row = 0; row < rows; row++) {
    const begin = (row * stride) / 4;
    values.set(stored.subarray(begin, begin + columns), row * columns);
  }
  const { bytes, scales } = quantizeRows(scheme, values, columns, { name });
  const matrix = new Uint8Array(matrixBytes(scheme, rows, columns));
  matrix.set(bytes);
  matrix.set(scales, bytes.length);
  const back = dequantizeMatrix(scheme, matrix, rows, columns);
  const out = new Float32Array(original.byteLength / 4);
  for (let row = 0; row < rows; row++) out.set(back.subarray(row * columns, (row + 1) * columns), (row * stride) / 4);
  return new Uint8Array(out.buffer);
}

/** The bytes of a tensor, from the shards that it lies in. */
async function readStream(source: PackageSource, { offset, bytes }: TensorEntry): Promise<Uint8Array<ArrayBuffer>> {
  const out = new Uint8Array(bytes);
  let begin = 0;
  for (const [index, { bytes: size }] of source.manifest.shards.entries()) {
    const [from, to] = [Math.max(offset, begin), Math.min(offset + bytes, begin + size)];
    if (from < to) out.set((await source.shard(index)).subarray(from - begin, to - begin), from - offset);
    begin += size;
  }
  return out;
}
