import type { Model } from '../../model/model.ts';
import type { PackageSource } from '../../storage/packages/package-source.ts';
import { matrixBytes } from '../../weights/layout.ts';
import { dequantizeMatrix, quantizeRows } from '../../weights/quantize.ts';
import type { Scheme, TensorEntry } from '../../weights/types.ts';
import { type Divergence, divergence, textLogits, type TextLogits } from './divergence.ts';

/** What rounding one matrix alone costs. */
export interface ModuleDivergence extends Divergence {
  name: string;
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
  const matrices = source.manifest.tensors.filter(({ shape }) => shape.length === 2);
  const found: ModuleDivergence[] = [];
  for (const entry of matrices) {
    onModule(entry.name);
    const original = await readStream(source, entry);
    await model.replaceWeights(entry.offset, rounded(original, entry, scheme));
    const logits = await textLogits(model, sequences);
    await model.replaceWeights(entry.offset, original);
    const [rows, columns] = entry.shape as [number, number];
    found.push({
      name: entry.name,
      bytes: matrixBytes(scheme, rows, columns),
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
