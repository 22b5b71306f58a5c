import fc from 'fast-check';
import { it } from 'vitest';
import { randomTensor } from '../../testing/arbitrary.ts';
import { HALF_ULP, sumBound } from '../../testing/kernels/bounds.ts';
import { describeGpu, SCHEMES, type TestMatrix } from '../../testing/kernels/device.ts';
import { everyStoredValue } from '../../testing/kernels/matrix-cases.ts';
import { expertProducts, MOE_SHAPES, moeCases, routerLogits, routes } from '../../testing/kernels/moe-cases.ts';
import { expectStream, residualStream } from '../../testing/kernels/to-norm-cases.ts';
import type { MoeDims } from './moe-shape.ts';
import { moeMatvecAddToNorm, moeMatvecAddToNormKernel } from './moe_matvec_add_to_norm.ts';

describeGpu(moeMatvecAddToNormKernel, (gpu) => {
  /** v has a row for each chosen expert. */
  async function expectReference(v: Float32Array, experts: Uint32Array, weights: TestMatrix, dims: MoeDims) {
    const { columns } = weights;
    const rows = weights.rows / dims.experts;
    const residual = randomTensor(99, rows);
    const normWeight = randomTensor(98, rows);
    const stream = residualStream(gpu(), residual, normWeight);
    const buffers = { v: gpu().input(v), experts: gpu().input(experts), weights, ...stream };
    await gpu().run(moeMatvecAddToNorm(gpu().features, 'test', buffers, dims), { tokens: 1 });
    const inputs = Array.from(experts, (_, place) => v.subarray(place * columns, (place + 1) * columns));
    const { products, bounds } = expertProducts(inputs, experts, weights, rows);
    const sum = (values: Float64Array) => (row: number) =>
      inputs.reduce((total, _, place) => total + values[place * rows + row]!, 0);
    const expected = Float64Array.from(residual, (value, row) => value + sum(products)(row));
    // Sums of as many more terms as there are experts, the parts of the weights one after the other.
    const extra = 1 + sumBound(dims.topK * columns) / sumBound(2 * columns);
    const abs = Float64Array.from(residual, (value, row) => extra * sum(bounds)(row) + 2 * HALF_ULP * Math.abs(value));
    await expectStream(gpu(), stream, normWeight, expected, { abs, rel: 2 * HALF_ULP });
  }

  it.each(MOE_SHAPES)('is the reference for $experts experts, $topK chosen, in all schemes and parts', async (dims) => {
    await fc.assert(
      fc.asyncProperty(moeCases(dims, [1]), fc.constantFrom(...SCHEMES), async (moeCase, scheme) => {
        const { seed, rows, columns, partRows } = moeCase;
        const { experts } = routes(routerLogits(seed, 1, dims), dims);
        const values = randomTensor(seed + 1, dims.experts * rows * columns, 0.1);
        const weights = gpu().matrix(scheme, values, columns, partRows);
        await expectReference(randomTensor(seed + 2, dims.topK * columns), experts, weights, dims);
      }),
      { numRuns: 3 },
    );
  });

  it.each(['f16', 'int8', 'fp8', 'int4'] as const)('decodes every value that %s can store', async (scheme) => {
    const dims = { experts: 2, topK: 2 };
    const columns = scheme === 'f16' ? 128 : 32;
    const { bytes, rows } = everyStoredValue(scheme, columns);
    const weights = gpu().matrixOfBytes(scheme, bytes, rows, columns);
    await expectReference(randomTensor(4, 2 * columns), Uint32Array.of(1, 0), weights, dims);
  });
});
