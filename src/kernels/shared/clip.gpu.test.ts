import fc from 'fast-check';
import { expect, it } from 'vitest';
import { clip as reference } from '../../reference/clip.ts';
import { randomTensor, seeds, sizes } from '../../testing/arbitrary.ts';
import { describeGpu } from '../../testing/kernels/device.ts';
import { clip, clipKernel } from './clip.ts';

describeGpu(clipKernel, (gpu) => {
  it('is the reference to the bit for any shape and limit, and touches no other rows', async () => {
    const shapes = fc.tuple(sizes({ tile: 4, most: 9 }), sizes({ tile: 64, most: 130 }), fc.constantFrom(0.5, 2, 1e9));
    await fc.assert(
      fc.asyncProperty(seeds(), shapes, async (seed, [T, columns4, limit]) => {
        const columns = columns4 * 4;
        const x = randomTensor(seed, (T + 1) * columns);
        const y = gpu().output(x);
        await gpu().run(clip(gpu().features, 'test', y, { columns, limit }), { tokens: T });
        const expected = [
          ...reference(Float64Array.from(x.subarray(0, T * columns)), limit),
          ...x.subarray(T * columns),
        ];
        expect([...(await gpu().read(y))]).toEqual(expected);
      }),
      { numRuns: 15 },
    );
  });
});
