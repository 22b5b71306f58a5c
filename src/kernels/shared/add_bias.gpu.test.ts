import fc from 'fast-check';
import { it } from 'vitest';
import { addBias as reference } from '../../reference/add_bias.ts';
import { randomTensor, seeds, sizes } from '../../testing/arbitrary.ts';
import { HALF_ULP } from '../../testing/kernels/bounds.ts';
import { expectClose } from '../../testing/close.ts';
import { describeGpu } from '../../testing/kernels/device.ts';
import { addBias, addBiasKernel } from './add_bias.ts';

describeGpu(addBiasKernel, (gpu) => {
  it('is the reference for any shape and magnitude, and touches no other rows', async () => {
    const shapes = fc.tuple(sizes({ tile: 4, most: 9 }), sizes({ tile: 64, most: 130 }), fc.constantFrom(1, 1e-3, 1e9));
    await fc.assert(
      fc.asyncProperty(seeds(), shapes, async (seed, [T, columns, scale]) => {
        const x = randomTensor(seed, (T + 1) * columns, scale);
        const bias = randomTensor(seed + 1, columns);
        const y = gpu().output(x);
        await gpu().run(addBias(gpu().features, 'test', { bias: gpu().input(bias), y }, { columns }), { tokens: T });
        const expected = [...reference(x.subarray(0, T * columns), bias), ...x.subarray(T * columns)];
        expectClose(await gpu().read(y), expected, { rel: 2 * HALF_ULP, abs: 2 ** -126 });
      }),
      { numRuns: 15 },
    );
  });
});
