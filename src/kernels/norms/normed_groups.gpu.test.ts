import fc from 'fast-check';
import { it } from 'vitest';
import { normed, toNorm } from '../../reference/to_norm.ts';
import { randomTensor, seeds, sizes } from '../../testing/arbitrary.ts';
import { sumBound } from '../../testing/kernels/bounds.ts';
import { expectClose } from '../../testing/close.ts';
import { describeGpu } from '../../testing/kernels/device.ts';
import { goingToNorm } from '../../testing/kernels/to-norm-cases.ts';
import { normedGroups, normedGroupsKernel } from './normed_groups.ts';

const EPS = 1e-5;

describeGpu(normedGroupsKernel, (gpu) => {
  /** Squares are summed over `span` elements, which divides a group. */
  async function expectReference(x: Float32Array, groups: number, span: number): Promise<void> {
    const weight = randomTensor(99, x.length);
    const expected = toNorm(x, weight, span);
    const g = gpu().output(expected.h);
    const { squares, count } = goingToNorm(gpu(), x, weight, span);
    const options = { columns: x.length, groups, squares: count, eps: EPS };
    await gpu().run(normedGroups(gpu().features, 'test', { g, squares }, options), { tokens: 1 });
    const rel = sumBound(x.length / groups);
    expectClose(await gpu().read(g), normed(expected, EPS, groups), { rel, abs: 2 ** -126 });
  }

  it('is the reference for any number of groups, widths and sums', async () => {
    const shapes = fc.tuple(fc.constantFrom(1, 2, 3, 8), sizes({ tile: 16, most: 40 }), fc.constantFrom(4, 8, 16));
    await fc.assert(
      fc.asyncProperty(seeds(), shapes, async (seed, [groups, spans, span]) => {
        await expectReference(randomTensor(seed, groups * spans * span), groups, span);
      }),
      { numRuns: 20 },
    );
  });

  it("is the reference at Nemotron-H's width, and for a group of zeros", async () => {
    await expectReference(randomTensor(1, 8192), 8, 16);
    await expectReference(randomTensor(2, 64).fill(0, 0, 32), 2, 16);
  });
});
