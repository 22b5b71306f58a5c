import fc from 'fast-check';
import { expect, it } from 'vitest';
import { add } from '../../reference/add.ts';
import { matvec } from '../../reference/matvec.ts';
import { rmsNorm } from '../../reference/rms_norm.ts';
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
import { expectStream, goingToNorm, residualStream } from '../../testing/kernels/to-norm-cases.ts';
import { normedMatvecAddToNorm, normedMatvecAddToNormKernel } from './normed_matvec_add_to_norm.ts';

const EPS = 1e-5;

describeGpu(normedMatvecAddToNormKernel, (gpu, { share }) => {
  /** The gated input is (C), and its squares are summed over `span` elements. */
  async function run(
    gated: Float32Array,
    weights: TestMatrix,
    residual: Float32Array,
    span: number,
    features = gpu().features,
  ) {
    const norms = { gated: randomTensor(98, weights.columns), next: randomTensor(96, weights.rows) };
    const stream = residualStream(gpu(), residual, norms.next);
    const { h: g, squares: gSquares, count } = goingToNorm(gpu(), gated, norms.gated, span);
    const specs = normedMatvecAddToNorm(
      features,
      'test',
      { g, gSquares, weights, ...stream },
      { squares: count, eps: EPS },
    );
    await gpu().run(specs, { tokens: 1 });
    return { stream, norms };
  }

  async function expectReference(
    gated: Float32Array,
    weights: TestMatrix,
    span = 16,
    features = gpu().features,
  ): Promise<void> {
    const residual = randomTensor(97, weights.rows);
    const { stream, norms } = await run(gated, weights, residual, span, features);
    const normed = rmsNorm(gated, norms.gated, EPS);
    const expected = add(residual, matvec(weights.weights, normed));
    const bounds = features.fixedPoint ? fixedPointBounds : productBounds;
    const abs = bounds(normed, weights.magnitudes, weights.columns);
    await expectStream(gpu(), stream, norms.next, expected, { abs, rel: HALF_ULP });
  }

  it.each(SCHEMES)('is the reference with %s weights, also in parts, for any number of sums', async (scheme) => {
    const cases = matrixCases({ rows: { tile: 4, most: 13 }, columns4: { tile: 128, most: 300 }, rowsByFour: true });
    await fc.assert(
      fc.asyncProperty(cases, fc.constantFrom(4, 16, 64, Infinity), async (matrixCase, span) => {
        const { x, values } = matrixInputs(matrixCase);
        const { columns, partRows } = matrixCase;
        await expectReference(x, gpu().matrix(scheme, values, columns, partRows), Math.min(span, columns));
      }),
      { numRuns: 12 },
    );
  });

  it('takes each of 1 to 9 sums once, and none behind them', async () => {
    for (let count = 1; count <= 9; count++) {
      const columns = 8 * count;
      await expectReference(
        randomTensor(count, columns),
        gpu().matrix('f32', randomTensor(9, 8 * columns), columns),
        8,
      );
    }
  });

  it.each(share(SCHEMES))(
    "is the reference at the width of Bamba-9B's out projection with %s weights",
    async (scheme) => {
      await expectReference(randomTensor(1, 8192), gpu().matrix(scheme, randomTensor(2, 8 * 8192), 8192));
    },
  );

  // In rows so short that there is a multiple of four of them.
  it.each(share(['f16', 'int8', 'fp8', 'int4'] as const))('decodes every value that %s can store', async (scheme) => {
    const columns = scheme === 'f16' ? 512 : 64;
    const { bytes, rows } = everyStoredValue(scheme, columns);
    await expectReference(randomTensor(3, columns), gpu().matrixOfBytes(scheme, bytes, rows, columns));
  });

  it('is the reference with int4 weights and its input in fixed point', async () => {
    const cases = matrixCases({ rows: { tile: 32, most: 20 }, columns4: { tile: 128, most: 300 }, rowsByFour: true });
    const all = fixedPointFeatures(gpu().features);
    if (all.length === 0) return; // it takes subgroups
    const features = share(all);
    const property = fc.asyncProperty(cases, fc.constantFrom(...features), async (matrixCase, device) => {
      const { x, values } = matrixInputs(matrixCase);
      const { columns, partRows } = matrixCase;
      await expectReference(x, gpu().matrix('int4', values, columns, partRows), 4, device);
    });
    await fc.assert(property, { numRuns: 15 });
  });

  it('leaves the residual as it is for an input of zeros', async () => {
    const weights = gpu().matrix('fp8', randomTensor(4, 8 * 64), 64);
    const residual = randomTensor(5, 8);
    const { stream } = await run(new Float32Array(64), weights, residual, 16);
    expect(await gpu().read(stream.x)).toEqual(residual);
  });

  it('takes the scale out of its input', async () => {
    const weights = gpu().matrix('f32', randomTensor(6, 8 * 64), 64);
    for (const scale of [1e-3, 1e4, 1e15]) await expectReference(randomTensor(7, 64, scale), weights);
  });
});
