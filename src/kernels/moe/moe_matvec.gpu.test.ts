import fc from 'fast-check';
import { it } from 'vitest';
import { randomTensor } from '../../testing/arbitrary.ts';
import { sumBound } from '../../testing/kernels/bounds.ts';
import { expectClose } from '../../testing/close.ts';
import { describeGpu, SCHEMES } from '../../testing/kernels/device.ts';
import { expertProducts, MOE_SHAPES, moeCases, routerLogits, routes } from '../../testing/kernels/moe-cases.ts';
import { moeMatvec, moeMatvecKernel } from './moe_matvec.ts';

describeGpu(moeMatvecKernel, (gpu) => {
  it.each(MOE_SHAPES)('is the reference for $experts experts, $topK chosen, in all schemes and parts', async (dims) => {
    await fc.assert(
      fc.asyncProperty(moeCases(dims, [1]), fc.constantFrom(...SCHEMES), async (moeCase, scheme) => {
        const { seed, rows, columns, partRows } = moeCase;
        const { experts } = routes(routerLogits(seed, 1, dims), dims);
        const weights = gpu().matrix(
          scheme,
          randomTensor(seed + 1, dims.experts * rows * columns, 0.1),
          columns,
          partRows,
        );
        // A row for each chosen expert.
        const v = randomTensor(seed + 2, dims.topK * columns);
        const y = gpu().output(randomTensor(seed + 3, rows));
        const buffers = { v: gpu().input(v), experts: gpu().input(experts), weights, y };
        await gpu().run(moeMatvec(gpu().features, 'test', buffers, dims), { tokens: 1 });
        const inputs = Array.from(experts, (_, place) => v.subarray(place * columns, (place + 1) * columns));
        const { products, bounds } = expertProducts(inputs, experts, weights, rows);
        const sums = (values: Float64Array) =>
          Float64Array.from({ length: rows }, (_, row) =>
            inputs.reduce((total, _x, place) => total + values[place * rows + row]!, 0),
          );
        // Sums of as many more terms as there are experts, the parts of the weights one after the other.
        const extra = 1 + sumBound(dims.topK * columns) / sumBound(2 * columns);
        expectClose(await gpu().read(y), sums(products), { abs: sums(bounds).map((bound) => extra * bound) });
      }),
      { numRuns: 3 },
    );
  });
});
