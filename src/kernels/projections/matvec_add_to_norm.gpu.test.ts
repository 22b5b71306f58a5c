import fc from 'fast-check';
import { it } from 'vitest';
import { add } from '../../reference/add.ts';
import { matvec } from '../../reference/matvec.ts';
import { randomTensor } from '../../testing/arbitrary.ts';
import { HALF_ULP } from '../../testing/kernels/bounds.ts';
import { describeGpu, SCHEMES, type TestMatrix } from '../../testing/kernels/device.ts';
import {
  everyStoredValue,
  fixedPointBounds,
  fixedPointFeatures,
  matrixCases,
  matrixInputs,
  productBounds,
} from '../../testing/kernels/matrix-cases.ts';
import { expectStream, residualStream } from '../../testing/kernels/to-norm-cases.ts';
import { matvecAddToNorm, matvecAddToNormKernel } from './matvec_add_to_norm.ts';

describeGpu(matvecAddToNormKernel, (gpu, { share }) => {
  async function expectReference(v: Float32Array, weights: TestMatrix, features = gpu().features): Promise<void> {
    const residual = randomTensor(99, weights.rows);
    const normWeight = randomTensor(98, weights.rows);
    const stream = residualStream(gpu(), residual, normWeight);
    const specs = matvecAddToNorm(features, 'test', { v: gpu().input(v), weights, ...stream });
    await gpu().run(specs, { tokens: 1 });
    const expected = add(residual, matvec(weights.weights, v));
    const bounds = features.fixedPoint ? fixedPointBounds : productBounds;
    const abs = bounds(v, weights.magnitudes, v.length);
    await expectStream(gpu(), stream, normWeight, expected, { abs, rel: HALF_ULP });
  }

  it.each(SCHEMES)('is the reference with %s weights, also in parts', async (scheme) => {
    const cases = matrixCases({ rows: { tile: 4, most: 13 }, columns4: { tile: 128, most: 300 }, rowsByFour: true });
    await fc.assert(
      fc.asyncProperty(cases, async (matrixCase) => {
        const { x, values } = matrixInputs(matrixCase);
        await expectReference(x, gpu().matrix(scheme, values, matrixCase.columns, matrixCase.partRows));
      }),
      { numRuns: 12 },
    );
  });

  it.each(share(SCHEMES))(
    "is the reference at the width of Bamba-9B's down projection with %s weights",
    async (scheme) => {
      const columns = 14_336;
      await expectReference(randomTensor(1, columns), gpu().matrix(scheme, randomTensor(2, 8 * columns), columns));
    },
  );

  // In rows so short that there is a multiple of four of them.
  it.each(share(['f16', 'int8', 'fp8', 'int4'] as const))('decodes every value that %s can store', async (scheme) => {
    const columns = scheme === 'f16' ? 512 : 64;
    const { bytes, rows } = everyStoredValue(scheme, columns);
    const weights = gpu().matrixOfBytes(scheme, bytes, rows, columns);
    for (const seed of [3, 4]) await expectReference(randomTensor(seed, columns), weights);
  });

  it('is the reference with int4 weights and its input in fixed point', async () => {
    const cases = matrixCases({ rows: { tile: 32, most: 20 }, columns4: { tile: 128, most: 300 }, rowsByFour: true });
    const all = fixedPointFeatures(gpu().features);
    if (all.length === 0) return; // it takes subgroups
    const features = share(all);
    const property = fc.asyncProperty(cases, fc.constantFrom(...features), async (matrixCase, device) => {
      const { x, values } = matrixInputs(matrixCase);
      await expectReference(x, gpu().matrix('int4', values, matrixCase.columns, matrixCase.partRows), device);
    });
    await fc.assert(property, { numRuns: 15 });
    const wide = gpu().matrix('int4', randomTensor(2, 8 * 14_336), 14_336);
    for (const device of features) await expectReference(randomTensor(1, 14_336), wide, device);
  });

  it('holds at large magnitudes and at zeros', async () => {
    const columns = 256;
    for (const scheme of SCHEMES) {
      const weights = gpu().matrix(scheme, randomTensor(5, 8 * columns, 100), columns);
      // The squares come to some 1e36, which f32 still holds.
      await expectReference(randomTensor(6, columns, 1e14), weights);
      await expectReference(new Float32Array(columns), weights);
      await expectReference(randomTensor(6, columns), gpu().matrix(scheme, new Float32Array(8 * columns), columns));
    }
  });

  it('folds a grid of more rows than a dimension has workgroups', async () => {
    if (gpu().features.subgroups) return; // the grid is the same there, and once takes long enough
    const rows = 4 * 32_768 + 12;
    const weights = gpu().matrix('int8', randomTensor(7, rows * 4), 4);
    await expectReference(randomTensor(8, 4), weights);
  });
});
