import fc from 'fast-check';
import { it } from 'vitest';
import { activate } from '../../reference/activation.ts';
import { relu2 as reference } from '../../reference/relu2.ts';
import { randomTensor, seeds, sizes } from '../../testing/arbitrary.ts';
import { HALF_ULP } from '../../testing/kernels/bounds.ts';
import { expectClose } from '../../testing/close.ts';
import { describeGpu } from '../../testing/kernels/device.ts';
import { relu2, relu2Kernel } from './relu2.ts';

describeGpu(relu2Kernel, (gpu) => {
  it.each(['silu', 'gelu', 'gelu_tanh'] as const)('is the reference with %s', async (activation) => {
    const x = Float32Array.from({ length: 2000 }, (_, i) => (i - 1000) / 60);
    const y = gpu().output(x);
    await gpu().run(relu2(gpu().features, 'test', y, 2000, activation), { tokens: 1 });
    // A few roundings, and those of an exponential.
    expectClose(await gpu().read(y), activate(Float64Array.from(x), activation), { rel: 2 ** -15, abs: 1e-15 });
  });

  it('is the reference for any shape and magnitude, and touches no other rows', async () => {
    const shapes = fc.tuple(sizes({ tile: 4, most: 9 }), sizes({ tile: 64, most: 130 }), fc.constantFrom(1, 1e-3, 1e9));
    await fc.assert(
      fc.asyncProperty(seeds(), shapes, async (seed, [T, columns4, scale]) => {
        const columns = columns4 * 4;
        const x = randomTensor(seed, (T + 1) * columns, scale);
        const y = gpu().output(x);
        await gpu().run(relu2(gpu().features, 'test', y, columns), { tokens: T });
        const expected = [...reference(Float64Array.from(x.subarray(0, T * columns))), ...x.subarray(T * columns)];
        expectClose(await gpu().read(y), expected, { rel: HALF_ULP, abs: 2 ** -126 });
      }),
      { numRuns: 20 },
    );
  });
});
