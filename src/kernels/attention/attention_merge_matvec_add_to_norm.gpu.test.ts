import fc from 'fast-check';
import { it } from 'vitest';
import { add } from '../../reference/add.ts';
import { matvec } from '../../reference/matvec.ts';
import { randomTensor, seeds, sizes } from '../../testing/arbitrary.ts';
import { MIN_SPAN, partialAttention, usedSplits } from '../../testing/kernels/attention-cases.ts';
import { HALF_ULP } from '../../testing/kernels/bounds.ts';
import { describeGpu, SCHEMES, type TestMatrix } from '../../testing/kernels/device.ts';
import { everyStoredValue, productBounds } from '../../testing/kernels/matrix-cases.ts';
import { expectStream, residualStream } from '../../testing/kernels/to-norm-cases.ts';
import { ATTENTION_SPLITS } from './attention-shape.ts';
import {
  attentionMergeMatvecAddToNorm,
  attentionMergeMatvecAddToNormKernel,
} from './attention_merge_matvec_add_to_norm.ts';

/** Tokens of a sequence, with the new one, that has so many whole splits, one key more, and one less; and of long ones. */
const LENGTHS = [
  1,
  ...Array.from({ length: 3 * ATTENTION_SPLITS }, (_, i) => (Math.floor(i / 3) + 1) * MIN_SPAN + (i % 3) - 1),
  ATTENTION_SPLITS * MIN_SPAN + 17,
  20 * MIN_SPAN,
];

/** Heads, and elements of each. */
const SHAPES: readonly (readonly [number, number])[] = [
  [4, 32],
  [3, 4],
  [2, 80],
  [5, 20],
  [1, 256],
  [70, 4],
];

describeGpu(attentionMergeMatvecAddToNormKernel, (gpu, { share }) => {
  async function expectReference(
    seed: number,
    weights: TestMatrix,
    headDim: number,
    length: number,
    segmentTokens = 1e9,
  ): Promise<void> {
    const heads = weights.columns / headDim;
    const { partial, merged } = partialAttention(seed, heads, headDim, usedSplits(Math.min(length, segmentTokens)));
    const unread = gpu().input(new Float32Array(4));
    const segment = { keys: unread, values: unread, first: 0, tokens: segmentTokens };
    const residual = randomTensor(seed + 9, weights.rows);
    const normWeight = randomTensor(seed + 10, weights.rows);
    const stream = residualStream(gpu(), residual, normWeight);
    const specs = attentionMergeMatvecAddToNorm(
      gpu().features,
      'test',
      { partial: gpu().input(partial), weights, ...stream },
      { type: 'f32', segments: [segment] },
      { heads, kvHeads: 1, headDim, scale: 1, ropeDims: 0 },
    );
    await gpu().run(specs, { tokens: 1, position: length - 1 });
    // Exponentials of differences of scores up to 100 add 2e-5 to the error of a product.
    const scale = merged.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    const abs = productBounds(merged, weights.weights, weights.columns).map((bound, row) => {
      const row0 = weights.weights.subarray(row * weights.columns, (row + 1) * weights.columns);
      return bound + 2e-5 * scale * row0.reduce((sum, value) => sum + Math.abs(value), 0);
    });
    await expectStream(gpu(), stream, normWeight, add(residual, matvec(weights.weights, merged)), {
      abs,
      rel: HALF_ULP,
    });
  }

  it.each(SCHEMES)('is the merge and the reference with %s weights, also in parts', async (scheme) => {
    await fc.assert(
      fc.asyncProperty(
        seeds(),
        fc.constantFrom(...share(SHAPES)),
        sizes({ tile: 4, most: 13 }),
        fc.constantFrom(...LENGTHS),
        fc.constantFrom([], [4], [8, 4]),
        async (seed, [heads, headDim], fours, length, partRows) => {
          const columns = heads * headDim;
          const weights = gpu().matrix(scheme, randomTensor(seed + 5, 4 * fours * columns, 0.1), columns, partRows);
          await expectReference(seed, weights, headDim, length);
        },
      ),
      { numRuns: 12 },
    );
  });

  it('reads the splits that a sequence of any length has, and no others', async () => {
    const weights = gpu().matrix('f32', randomTensor(7, 8 * 24, 0.1), 24);
    for (const length of LENGTHS) await expectReference(length, weights, 8, length);
  });

  it('reads the splits of the first segment of a cache, however many tokens follow it', async () => {
    const weights = gpu().matrix('f32', randomTensor(8, 8 * 24, 0.1), 24);
    for (const [length, segmentTokens] of [
      [MIN_SPAN + 1, MIN_SPAN],
      [20 * MIN_SPAN, 3 * MIN_SPAN],
      [3 * MIN_SPAN, 20 * MIN_SPAN],
    ] as const) {
      await expectReference(length, weights, 8, length, segmentTokens);
    }
  });

  it.each(share(SCHEMES))("is the reference at Bamba-9B's width with %s weights", async (scheme) => {
    await expectReference(1, gpu().matrix(scheme, randomTensor(2, 8 * 4096), 4096), 128, 16 * MIN_SPAN);
  });

  // In rows so short that there is a multiple of four of them.
  it.each(share(['f16', 'int8', 'fp8'] as const))('decodes every value that %s can store', async (scheme) => {
    const columns = scheme === 'f16' ? 512 : 64;
    const { bytes, rows } = everyStoredValue(scheme, columns);
    await expectReference(3, gpu().matrixOfBytes(scheme, bytes, rows, columns), 64, 5 * MIN_SPAN);
  });
});
