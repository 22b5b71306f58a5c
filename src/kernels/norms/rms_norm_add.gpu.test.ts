import fc from 'fast-check';
import { expect, it } from 'vitest';
import { add } from '../../reference/add.ts';
import { rmsNorm } from '../../reference/rms_norm.ts';
import { randomTensor, seeds, sizes } from '../../testing/arbitrary.ts';
import { HALF_ULP, sumBound } from '../../testing/kernels/bounds.ts';
import { expectClose } from '../../testing/close.ts';
import { describeGpu } from '../../testing/kernels/device.ts';
import { rmsNormAdd, rmsNormAddKernel } from './rms_norm_add.ts';

const EPS = 1e-6;

describeGpu(rmsNormAddKernel, (gpu) => {
  it('is the reference, whatever the shape, leaves zeros, and touches no other rows', async () => {
    const shapes = fc.tuple(
      sizes({ tile: 8, most: 20 }),
      sizes({ tile: 128, most: 300 }),
      fc.constantFrom(1, 1e-3, 1e6),
    );
    await fc.assert(
      fc.asyncProperty(seeds(), shapes, async (seed, [T, C4, scale]) => {
        const columns = C4 * 4;
        const given = randomTensor(seed, (T + 1) * columns, scale);
        const stream = randomTensor(seed + 1, (T + 1) * columns);
        const weight = randomTensor(seed + 2, columns);
        const [v, x] = [gpu().output(given), gpu().output(stream)];
        const buffers = { weight: gpu().input(weight), v, x };
        await gpu().run(rmsNormAdd(gpu().features, 'test', buffers, { columns, eps: EPS }), { tokens: T });
        const normed = rmsNorm(given.subarray(0, T * columns), weight, EPS);
        const expected = [...add(stream.subarray(0, T * columns), normed), ...stream.subarray(T * columns)];
        const abs = Float64Array.from(expected, (value, i) => {
          return sumBound(columns) * Math.abs(normed[i] ?? 0) + 2 * HALF_ULP * Math.abs(value) + 1e-30;
        });
        expectClose(await gpu().read(x), expected, { abs });
        const left = await gpu().read(v);
        expect(left.subarray(0, T * columns).every((value) => value === 0)).toBe(true);
        expect(left.subarray(T * columns)).toEqual(given.subarray(T * columns));
      }),
      { numRuns: 15 },
    );
  });
});
