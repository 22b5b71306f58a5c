import fc from 'fast-check';
import { expect, it } from 'vitest';
import { rmsNorm as reference } from '../../reference/rms_norm.ts';
import { randomTensor, seeds, sizes } from '../../testing/arbitrary.ts';
import { HALF_ULP, sumBound } from '../../testing/kernels/bounds.ts';
import { expectClose } from '../../testing/close.ts';
import { describeGpu, type TestGpu } from '../../testing/kernels/device.ts';
import { rmsNorm, rmsNormKernel } from './rms_norm.ts';

const EPS = 1e-5;

async function run(gpu: TestGpu, x: Float32Array, weight: Float32Array, eps = EPS): Promise<Float32Array> {
  const y = gpu.output(x.length);
  const buffers = { x: gpu.input(x), weight: gpu.input(weight), y };
  const columns = weight.length;
  await gpu.run(rmsNorm(gpu.features, 'test', buffers, { columns, eps }), { tokens: x.length / columns });
  return gpu.read(y);
}

describeGpu(rmsNormKernel, (gpu) => {
  async function expectReference(x: Float32Array, weight: Float32Array): Promise<void> {
    // All terms of the mean are positive: its relative error is that of a sum. Behind it come three products.
    expectClose(await run(gpu(), x, weight), reference(x, weight, EPS), { rel: sumBound(weight.length), abs: 1e-30 });
  }

  it('is the reference, whatever the shape', async () => {
    await fc.assert(
      fc.asyncProperty(seeds(), sizes({ tile: 8, most: 31 }), sizes({ tile: 128, most: 300 }), async (seed, T, C4) => {
        await expectReference(randomTensor(seed, T * C4 * 4), randomTensor(seed + 1, C4 * 4));
      }),
      { numRuns: 40 },
    );
  });

  it("is the reference at Bamba-9B's width", async () => {
    await expectReference(randomTensor(1, 3 * 4096), randomTensor(2, 4096));
  });

  it('keeps zeros, and holds at large and small magnitudes', async () => {
    const weight = randomTensor(3, 64);
    expect([...(await run(gpu(), new Float32Array(64), weight))].every((value) => value === 0)).toBe(true);
    for (const scale of [1e-12, 1e-3, 1e4, 1e15]) await expectReference(randomTensor(4, 5 * 64, scale), weight);
  });

  it('norms every row alone', async () => {
    const x = randomTensor(5, 2 * 96);
    const weight = randomTensor(6, 96);
    const both = await run(gpu(), x, weight);
    x.subarray(96).fill(1e6);
    const first = (await run(gpu(), x, weight)).subarray(0, 96);
    expect([...first]).toEqual([...both.subarray(0, 96)]);
  });

  it('takes any scale out of its input where eps is 0', async () => {
    const x = randomTensor(7, 256);
    const weight = randomTensor(8, 256);
    const scaled = await run(
      gpu(),
      x.map((value) => value * 1024),
      weight,
      0,
    );
    expectClose(scaled, await run(gpu(), x, weight, 0), { rel: 4 * HALF_ULP });
  });
});
