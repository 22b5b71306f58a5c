import fc from 'fast-check';
import { it } from 'vitest';
import { add } from '../reference/add.ts';
import { matvec } from '../reference/matvec.ts';
import { randomTensor, seeds, sizes } from '../testing/arbitrary.ts';
import { HALF_ULP } from '../testing/bounds.ts';
import { expectClose } from '../testing/close.ts';
import { describeGpu, SCHEMES, type TestMatrix } from '../testing/device.ts';
import { everyStoredValue, productBounds } from '../testing/matrix-cases.ts';
import { attentionMergeMatvecAdd, attentionMergeMatvecAddKernel } from './attention_merge_matvec_add.ts';

const SPLITS = 8;
/** What an empty split says of its scores, as lib/attention.wgsl does. */
const MASKED = -3e38;

/** Partial attention of `heads`; in each head so many of the splits have keys, the others are empty. */
function partialAttention(seed: number, heads: number, headDim: number, used: number) {
  const outputs = randomTensor(seed, SPLITS * heads * headDim);
  const scores = randomTensor(seed + 1, SPLITS * heads, 20);
  const totals = randomTensor(seed + 2, SPLITS * heads).map((value) => 1 + Math.abs(value));
  const partial = new Float32Array(SPLITS * heads * (headDim + 4));
  const merged = new Float64Array(heads * headDim);
  for (let head = 0; head < heads; head++) {
    const highest = Math.max(...Array.from({ length: used }, (_, split) => scores[split * heads + head]!));
    let total = 0;
    for (let split = 0; split < SPLITS; split++) {
      const index = split * heads + head;
      const at = index * (headDim + 4);
      if (split >= used) {
        partial[at + headDim] = MASKED;
        continue;
      }
      const weight = Math.exp(scores[index]! - highest);
      total += weight * totals[index]!;
      partial.set([scores[index]!, totals[index]!], at + headDim);
      for (let i = 0; i < headDim; i++) {
        partial[at + i] = outputs[index * headDim + i]!;
        merged[head * headDim + i] = merged[head * headDim + i]! + weight * outputs[index * headDim + i]!;
      }
    }
    for (let i = 0; i < headDim; i++) merged[head * headDim + i] = merged[head * headDim + i]! / total;
  }
  return { partial, merged };
}

describeGpu(attentionMergeMatvecAddKernel, (gpu) => {
  async function expectReference(seed: number, weights: TestMatrix, headDim: number, used: number): Promise<void> {
    const heads = weights.columns / headDim;
    const { partial, merged } = partialAttention(seed, heads, headDim, used);
    const residual = randomTensor(seed + 9, weights.rows);
    const y = gpu().output(residual);
    const buffers = { partial: gpu().input(partial), weights, y };
    await gpu().run(attentionMergeMatvecAdd(gpu().features, 'test', buffers, { headDim, splits: SPLITS }), {
      tokens: 1,
    });
    // Exponentials of differences of scores up to 100 add 2e-5 to the error of a product.
    const abs = productBounds(merged, weights.weights, weights.columns).map((bound, row) => {
      const scale = Math.abs(merged.reduce((most, value) => Math.max(most, Math.abs(value)), 0));
      const row0 = weights.weights.subarray(row * weights.columns, (row + 1) * weights.columns);
      return bound + 2e-5 * scale * row0.reduce((sum, value) => sum + Math.abs(value), 0);
    });
    expectClose(await gpu().read(y), add(residual, matvec(weights.weights, merged)), { abs, rel: HALF_ULP });
  }

  it.each(SCHEMES)('is the merge and the reference with %s weights, also in parts', async (scheme) => {
    await fc.assert(
      fc.asyncProperty(
        seeds(),
        fc.constantFrom([4, 32], [3, 4], [2, 80], [5, 20], [1, 256]),
        sizes({ tile: 4, most: 31 }),
        fc.integer({ min: 1, max: SPLITS }),
        fc.constantFrom([], [4], [1]),
        async (seed, [heads, headDim], rows, used, partRows) => {
          const columns = heads * headDim;
          const weights = gpu().matrix(scheme, randomTensor(seed + 5, rows * columns, 0.1), columns, partRows);
          await expectReference(seed, weights, headDim, used);
        },
      ),
      { numRuns: 12 },
    );
  });

  it.each(SCHEMES)("is the reference at Bamba-9B's width with %s weights", async (scheme) => {
    await expectReference(1, gpu().matrix(scheme, randomTensor(2, 6 * 4096), 4096), 128, SPLITS);
  });

  it.each(['f16', 'int8', 'fp8'] as const)('decodes every value that %s can store', async (scheme) => {
    const { bytes, rows } = everyStoredValue(scheme, 512);
    await expectReference(3, gpu().matrixOfBytes(scheme, bytes, rows, 512), 64, 5);
  });
});
