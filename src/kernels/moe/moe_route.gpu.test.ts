import fc from 'fast-check';
import { expect, it } from 'vitest';
import { randomTensor, seeds } from '../../testing/arbitrary.ts';
import { expBound } from '../../testing/kernels/bounds.ts';
import { expectClose } from '../../testing/close.ts';
import { describeGpu } from '../../testing/kernels/device.ts';
import { MOE_SHAPES, routerLogits, ROUTINGS, routes, words } from '../../testing/kernels/moe-cases.ts';
import type { MoeDims } from './moe-shape.ts';
import { moeRoute, moeRouteKernel } from './moe_route.ts';

describeGpu(moeRouteKernel, (gpu) => {
  async function expectReference(logits: Float32Array, dims: MoeDims, bias?: Float32Array): Promise<void> {
    const tokens = logits.length / dims.experts;
    const experts = gpu().output(tokens * dims.topK);
    const shares = gpu().output(tokens * dims.topK);
    const buffers = { logits: gpu().input(logits), experts, shares, ...(bias && { bias: gpu().input(bias) }) };
    const spec = moeRoute(gpu().features, 'test', buffers, dims);
    await gpu().run(spec, { tokens });
    const expected = routes(logits, dims, bias);
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

  it.each(ROUTINGS)('is the reference with $scores in $groups groups, bias $biased, scale $scale', async (routing) => {
    const dims = { experts: 32, topK: 5, routing };
    for (const seed of [1, 2, 3]) {
      // Unequal ones: the sigmoids of equal logits could be rounded apart.
      const logits = randomTensor(seed, 4 * dims.experts, 2);
      await expectReference(logits, dims, routing.biased ? randomTensor(seed + 9, dims.experts) : undefined);
    }
  });

  it('reads rows of logits that have more behind them', async () => {
    const dims = { experts: 6, topK: 2 };
    const wide = randomTensor(5, 21);
    const logits = Float32Array.from({ length: 18 }, (_, i) => wide[Math.floor(i / 6) * 7 + (i % 6)]!);
    const [experts, shares] = [gpu().output(6), gpu().output(6)];
    const buffers = { logits: gpu().input(wide), experts, shares };
    await gpu().run(moeRoute(gpu().features, 'test', buffers, dims, { stride: 7 }), { tokens: 3 });
    expect(words(await gpu().read(experts))).toEqual(routes(logits, dims).experts);
  });

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
