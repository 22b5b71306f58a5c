import fc from 'fast-check';
import { it } from 'vitest';
import { randomTensor } from '../../testing/arbitrary.ts';
import { describeGpu, SCHEMES, type TestMatrix } from '../../testing/kernels/device.ts';
import { everyStoredValue } from '../../testing/kernels/matrix-cases.ts';
import {
  expertProducts,
  grouped,
  MOE_SHAPES,
  moeCases,
  routerLogits,
  routes,
} from '../../testing/kernels/moe-cases.ts';
import { outcome } from '../../testing/kernels/product-outcomes.ts';
import type { MoeDims } from './moe-shape.ts';
import { moeMatmul, moeMatmulKernel } from './moe_matmul.ts';

/** As mixtures use it: gate and up of tokens, then down of pairs of a token and an expert. */
const USES = [
  { action: 'swiglu', input: 'tokens', normed: true },
  { action: 'set', input: 'pairs', normed: false },
] as const;

describeGpu(moeMatmulKernel, (gpu) => {
  /** Rows of x: one for each token, or for each pair. */
  async function expectReference(
    use: (typeof USES)[number],
    x: Float32Array,
    weights: TestMatrix,
    experts: Uint32Array,
    dims: MoeDims,
  ): Promise<void> {
    const { columns } = weights;
    const rows = weights.rows / dims.experts;
    const { pairs, tileExperts } = grouped(experts, dims, 1);
    const of = (pair: number) => (use.input === 'tokens' ? Math.floor(pair / dims.topK) : pair) * columns;
    const inputs = Array.from(experts, (_, pair) => x.subarray(of(pair), of(pair) + columns));
    const { products, bounds } = expertProducts(inputs, experts, weights, rows);
    const { y, check } = outcome(gpu(), use.action, products, bounds);
    const tiles = { pairs: gpu().input(pairs), tile_experts: gpu().input(tileExperts) };
    const specs = moeMatmul(gpu().features, 'test', { x: gpu().input(x), ...tiles, weights, y }, dims, use);
    await gpu().run(specs, { tokens: experts.length / dims.topK });
    await check();
  }

  const inputRows = ({ input }: (typeof USES)[number], tokens: number, { topK }: MoeDims) =>
    input === 'tokens' ? tokens : tokens * topK;

  it.each(USES.flatMap((use) => MOE_SHAPES.map((dims) => ({ ...use, ...dims, use, dims }))))(
    'is the reference of $action for $experts experts, $topK chosen, in all schemes and parts',
    async ({ use, dims }) => {
      const cases = moeCases(dims, [1, 2, 17, 40]);
      await fc.assert(
        fc.asyncProperty(
          cases,
          fc.constantFrom(...SCHEMES),
          async ({ seed, tokens, rows, columns, partRows }, scheme) => {
            const { experts } = routes(routerLogits(seed, tokens, dims), dims);
            const values = randomTensor(seed + 1, dims.experts * rows * columns, 0.1);
            const weights = gpu().matrix(scheme, values, columns, partRows);
            const x = randomTensor(seed + 2, inputRows(use, tokens, dims) * columns);
            await expectReference(use, x, weights, experts, dims);
          },
        ),
        { numRuns: 6 },
      );
    },
  );

  it.each(['f16', 'int8', 'fp8', 'int4'] as const)('decodes every value that %s can store', async (scheme) => {
    // As the rows of two experts, which is a multiple of four each.
    const dims = { experts: 2, topK: 2 };
    const { bytes, rows } = everyStoredValue(scheme, scheme === 'f16' ? 128 : 32);
    const weights = gpu().matrixOfBytes(scheme, bytes, rows, scheme === 'f16' ? 128 : 32);
    const { experts } = routes(routerLogits(3, 5, dims), dims);
    for (const use of USES) {
      const x = randomTensor(4, inputRows(use, 5, dims) * weights.columns);
      await expectReference(use, x, weights, experts, dims);
    }
  });
});
