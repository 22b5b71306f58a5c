import fc from 'fast-check';
import { expect, it } from 'vitest';
import { add } from '../../reference/add.ts';
import { rmsNorm } from '../../reference/rms_norm.ts';
import { randomTensor, seeds, sizes } from '../../testing/arbitrary.ts';
import { HALF_ULP, sumBound } from '../../testing/kernels/bounds.ts';
import { describeGpu } from '../../testing/kernels/device.ts';
import { expectStream, goingToNorm, residualStream } from '../../testing/kernels/to-norm-cases.ts';
import { normedAddToNorm, normedAddToNormKernel } from './normed_add_to_norm.ts';

const EPS = 1e-6;

describeGpu(normedAddToNormKernel, (gpu) => {
  it('is the reference for any width and number of sums, and leaves zeros', async () => {
    const shapes = fc.tuple(sizes({ tile: 64, most: 300 }), fc.constantFrom(4, 16, Infinity));
    await fc.assert(
      fc.asyncProperty(seeds(), shapes, async (seed, [C4, span]) => {
        const columns = C4 * 4;
        const given = randomTensor(seed, columns);
        const weight = randomTensor(seed + 1, columns);
        const nextWeight = randomTensor(seed + 2, columns);
        const before = randomTensor(seed + 3, columns);
        const { h: g, squares: gSquares, count } = goingToNorm(gpu(), given, weight, Math.min(span, columns));
        const stream = residualStream(gpu(), before, nextWeight);
        const v = gpu().output(given);
        const options = { columns, squares: count, eps: EPS };
        await gpu().run(normedAddToNorm(gpu().features, 'test', { v, g, gSquares, ...stream }, options), { tokens: 1 });
        const normed = rmsNorm(given, weight, EPS);
        const expected = add(before, normed);
        const abs = expected.map((value, i) => {
          return (sumBound(columns) + 4 * HALF_ULP) * Math.abs(normed[i]!) + 2 * HALF_ULP * Math.abs(value);
        });
        await expectStream(gpu(), stream, nextWeight, expected, { abs });
        expect((await gpu().read(v)).every((value) => value === 0)).toBe(true);
      }),
      { numRuns: 15 },
    );
  });
});
