import fc from 'fast-check';
import { expect, it } from 'vitest';
import { relu2 } from '../../reference/relu2.ts';
import { rmsNorm } from '../../reference/rms_norm.ts';
import { swiglu } from '../../reference/swiglu.ts';
import { randomTensor } from '../../testing/arbitrary.ts';
import { expBound, HALF_ULP } from '../../testing/kernels/bounds.ts';
import { expectClose } from '../../testing/close.ts';
import { describeGpu, SCHEMES, type TestMatrix } from '../../testing/kernels/device.ts';
import { swigluBounds } from '../../testing/kernels/matrix-cases.ts';
import {
  expertProducts,
  MOE_SHAPES,
  moeCases,
  routerLogits,
  ROUTINGS,
  routes,
  words,
} from '../../testing/kernels/moe-cases.ts';
import { goingToNorm } from '../../testing/kernels/to-norm-cases.ts';
import type { MoeDims } from './moe-shape.ts';
import { moeRouteNormedMatvecSwiglu, moeRouteNormedMatvecSwigluKernel } from './moe_route_normed_matvec_swiglu.ts';

const EPS = 1e-5;

/** Bounds of squares of sums: the sums' own, and one rounding of the square. */
function relu2Bounds(products: Float64Array, bounds: Float64Array): Float64Array {
  return products.map((value, f) => bounds[f]! * (2 * Math.abs(value) + bounds[f]!) + 2 * HALF_ULP * value * value);
}

describeGpu(moeRouteNormedMatvecSwigluKernel, (gpu) => {
  async function expectReference(x: Float32Array, logits: Float32Array, weights: TestMatrix, dims: MoeDims) {
    const rows = weights.rows / dims.experts;
    const normWeight = randomTensor(98, x.length);
    const { h, squares, count } = goingToNorm(gpu(), x, normWeight);
    const experts = gpu().output(dims.topK);
    const y = gpu().output((dims.topK * rows) / (dims.ungated ? 1 : 2));
    const bias = dims.routing?.biased ? randomTensor(97, dims.experts) : undefined;
    const buffers = {
      logits: gpu().input(logits),
      h,
      squares,
      weights,
      experts,
      y,
      ...(bias && { bias: gpu().input(bias) }),
    };
    const options = { squares: count, eps: EPS };
    await gpu().run(moeRouteNormedMatvecSwiglu(gpu().features, 'test', buffers, dims, options), { tokens: 1 });
    const route = routes(logits, dims, bias);
    expect(words(await gpu().read(experts))).toEqual(route.experts);
    const normed = rmsNorm(x, normWeight, EPS);
    const inputs = Array.from(route.experts, () => Float32Array.from(normed));
    const { products, bounds } = expertProducts(inputs, route.experts, weights, rows);
    const share = (f: number) => route.shares[Math.floor((f * route.shares.length) / outputs.length)]!;
    const outputs = dims.ungated ? relu2(products) : swiglu(products);
    const spread = Math.max(...logits) - Math.min(...logits);
    // That of the product, that of the share, and denormals, which may be flushed to zero.
    const ofProducts = dims.ungated ? relu2Bounds(products, bounds) : swigluBounds(products, bounds);
    const abs = ofProducts.map((bound, f) => share(f) * (bound + 2 * expBound(spread) * Math.abs(outputs[f]!)) + 1e-37);
    expectClose(
      await gpu().read(y),
      outputs.map((value, f) => share(f) * value),
      { abs },
    );
  }

  // Few pipelines: each takes longer to compile than all its runs. That every stored value is decoded is tested elsewhere.
  const cases = MOE_SHAPES.flatMap((dims) =>
    (dims.experts === 8 ? SCHEMES : (['f32'] as const)).map((scheme) => ({ ...dims, scheme })),
  );
  it('chooses as a mixture says', async () => {
    const dims = { experts: 8, topK: 3, routing: ROUTINGS[1]! };
    const weights = gpu().matrix('f32', randomTensor(1, dims.experts * 8 * 12, 0.1), 12);
    await expectReference(randomTensor(2, 12), randomTensor(3, dims.experts, 2), weights, dims);
  });

  it.each(['f32', 'int4'] as const)('is the reference of experts without gates, %s, also in parts', async (scheme) => {
    const dims = { experts: 8, topK: 3, ungated: true };
    await fc.assert(
      fc.asyncProperty(moeCases(dims, [1]), async ({ seed, rows, columns, partRows }) => {
        const values = randomTensor(seed + 1, dims.experts * rows * columns, 0.1);
        const weights = gpu().matrix(scheme, values, columns, partRows);
        await expectReference(randomTensor(seed + 2, columns), routerLogits(seed, 1, dims), weights, dims);
      }),
      { numRuns: 4 },
    );
  });

  it.each(cases)('is the reference for $experts experts, $topK chosen, $scheme, also in parts', async (testCase) => {
    const { scheme, ...dims } = testCase;
    await fc.assert(
      fc.asyncProperty(moeCases(dims, [1]), async ({ seed, rows, columns, partRows }) => {
        const values = randomTensor(seed + 1, dims.experts * rows * columns, 0.1);
        const weights = gpu().matrix(scheme, values, columns, partRows);
        await expectReference(randomTensor(seed + 2, columns), routerLogits(seed, 1, dims), weights, dims);
      }),
      { numRuns: 4 },
    );
  });
});
