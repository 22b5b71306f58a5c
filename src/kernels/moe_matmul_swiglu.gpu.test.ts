import fc from 'fast-check';
import { it } from 'vitest';
import { swiglu } from '../reference/swiglu.ts';
import { randomTensor } from '../testing/arbitrary.ts';
import { expectClose } from '../testing/close.ts';
import { describeGpu, SCHEMES, type TestMatrix } from '../testing/device.ts';
import { everyStoredValue, swigluBounds } from '../testing/matrix-cases.ts';
import { expertProducts, grouped, MOE_SHAPES, moeCases, routerLogits, routes } from '../testing/moe-cases.ts';
import type { MoeDims } from './moe-shape.ts';
import { moeMatmulSwiglu, moeMatmulSwigluKernel } from './moe_matmul_swiglu.ts';

describeGpu(moeMatmulSwigluKernel, (gpu) => {
  /** x has a row for each token. */
  async function expectReference(
    x: Float32Array,
    weights: TestMatrix,
    experts: Uint32Array,
    dims: MoeDims,
  ): Promise<void> {
    const { columns } = weights;
    const rows = weights.rows / dims.experts;
    const { pairs, tileExperts } = grouped(experts, dims, 1);
    const y = gpu().output((experts.length * rows) / 2);
    const tiles = { pairs: gpu().input(pairs), tile_experts: gpu().input(tileExperts) };
    const specs = moeMatmulSwiglu(gpu().features, 'test', { x: gpu().input(x), ...tiles, weights, y }, dims);
    await gpu().run(specs, { tokens: experts.length / dims.topK });
    const of = (pair: number) => Math.floor(pair / dims.topK) * columns;
    const inputs = Array.from(experts, (_, pair) => x.subarray(of(pair), of(pair) + columns));
    const { products, bounds } = expertProducts(inputs, experts, weights, rows);
    const abs = swigluBounds(products, bounds);
    // Denormals may be flushed to zero.
    expectClose(await gpu().read(y), swiglu(products), { abs: abs.map((bound) => bound + 1e-37) });
  }

  it.each(MOE_SHAPES)('is the reference for $experts experts, $topK chosen, in all schemes and parts', async (dims) => {
    const cases = moeCases(dims, [1, 2, 17, 40]);
    await fc.assert(
      fc.asyncProperty(
        cases,
        fc.constantFrom(...SCHEMES),
        async ({ seed, tokens, rows, columns, partRows }, scheme) => {
          const { experts } = routes(routerLogits(seed, tokens, dims), dims);
          const values = randomTensor(seed + 1, dims.experts * rows * columns, 0.1);
          const weights = gpu().matrix(scheme, values, columns, partRows);
          await expectReference(randomTensor(seed + 2, tokens * columns), weights, experts, dims);
        },
      ),
      { numRuns: 6 },
    );
  });

  it.each(['f16', 'int8', 'fp8', 'int4'] as const)('decodes every value that %s can store', async (scheme) => {
    // As the rows of two experts, which is a multiple of four each.
    const dims = { experts: 2, topK: 2 };
    const { bytes, rows } = everyStoredValue(scheme, scheme === 'f16' ? 128 : 32);
    const weights = gpu().matrixOfBytes(scheme, bytes, rows, scheme === 'f16' ? 128 : 32);
    const { experts } = routes(routerLogits(3, 5, dims), dims);
    await expectReference(randomTensor(4, 5 * 1 * weights.columns), weights, experts, dims);
  });
});
