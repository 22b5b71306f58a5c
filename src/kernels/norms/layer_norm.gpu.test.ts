import fc from 'fast-check';
import { it } from 'vitest';
import { layerNorm as reference } from '../../reference/layer_norm.ts';
import { randomTensor, seeds, sizes } from '../../testing/arbitrary.ts';
import { sumBound } from '../../testing/kernels/bounds.ts';
import { expectClose } from '../../testing/close.ts';
import { describeGpu } from '../../testing/kernels/device.ts';
import { layerNorm, layerNormKernel } from './layer_norm.ts';

const EPS = 1e-5;

describeGpu(layerNormKernel, (gpu) => {
  async function expectReference(x: Float32Array, columns: number, last: boolean, offset = 0): Promise<void> {
    const weight = randomTensor(98, columns);
    const bias = randomTensor(99, columns);
    const T = x.length / columns;
    const y = gpu().output(last ? columns : x.length);
    const buffers = { x: gpu().input(x), weight: gpu().input(weight), bias: gpu().input(bias), y };
    await gpu().run(layerNorm(gpu().features, 'test', buffers, { columns, eps: EPS, last }), { tokens: T });
    const expected = reference(last ? x.subarray(-columns) : x, weight, bias, EPS);
    // The mean is off by what its sum is, relative to the magnitudes that it adds; so is each difference from it. Elements
    // are some units of their deviation, and weights and biases of that order.
    expectClose(await gpu().read(y), expected, { abs: 40 * sumBound(columns) * (1 + offset) });
  }

  it('is the reference, whatever the shape', async () => {
    await fc.assert(
      fc.asyncProperty(
        seeds(),
        sizes({ tile: 8, most: 31 }),
        sizes({ tile: 128, most: 300 }),
        fc.boolean(),
        async (seed, T, C4, last) => {
          await expectReference(randomTensor(seed, T * C4 * 4), C4 * 4, last);
        },
      ),
      { numRuns: 25 },
    );
  });

  it('takes a mean out that is far larger than what is left', async () => {
    const x = randomTensor(1, 3 * 256).map((value) => value + 300);
    await expectReference(x, 256, false, 300);
  });
});
