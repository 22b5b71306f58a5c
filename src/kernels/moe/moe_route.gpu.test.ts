import fc from 'fast-check';
import { expect, it } from 'vitest';
import { seeds } from '../../testing/arbitrary.ts';
import { expBound } from '../../testing/bounds.ts';
import { expectClose } from '../../testing/close.ts';
import { describeGpu } from '../../testing/device.ts';
import { MOE_SHAPES, routerLogits, routes, words } from '../../testing/moe-cases.ts';
import type { MoeDims } from './moe-shape.ts';
import { moeRoute, moeRouteKernel } from './moe_route.ts';

describeGpu(moeRouteKernel, (gpu) => {
  async function expectReference(logits: Float32Array, dims: MoeDims): Promise<void> {
    const tokens = logits.length / dims.experts;
    const experts = gpu().output(tokens * dims.topK);
    const shares = gpu().output(tokens * dims.topK);
    const spec = moeRoute(gpu().features, 'test', { logits: gpu().input(logits), experts, shares }, dims);
    await gpu().run(spec, { tokens });
    const expected = routes(logits, dims);
    expect(words(await gpu().read(experts))).toEqual(expected.experts);
    // Of two exponentials of arguments down to minus the spread of the logits.
    const spread = logits.reduce((most, value) => Math.max(most, 2 * Math.abs(value)), 0);
    expectClose(await gpu().read(shares), expected.shares, { rel: 2 * expBound(spread), abs: 1e-37 });
  }

  it.each([...MOE_SHAPES, { experts: 3, topK: 3 }, { experts: 130, topK: 65 }])(
    'is the reference with $experts experts, $topK chosen, equal logits included',
    async (dims) => {
      await fc.assert(
        fc.asyncProperty(seeds(), fc.constantFrom(1, 2, 5), async (seed, tokens) => {
          await expectReference(routerLogits(seed, tokens, dims), dims);
        }),
        { numRuns: 10 },
      );
    },
  );

  it('holds where logits are all the same, and where they are far apart', async () => {
    const dims = { experts: 8, topK: 3 };
    await expectReference(new Float32Array(16), dims);
    await expectReference(
      routerLogits(1, 4, dims).map((value) => value * 1e4),
      dims,
    );
    await expectReference(Float32Array.of(3e38, -3e38, 0, 3e38, 1, -3e38, 2, 3), dims);
  });
});
