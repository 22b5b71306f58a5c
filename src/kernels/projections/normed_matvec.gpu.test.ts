import fc from 'fast-check';
import { expect, it } from 'vitest';
import { matvec } from '../../reference/matvec.ts';
import { rmsNorm } from '../../reference/rms_norm.ts';
import { randomTensor } from '../../testing/arbitrary.ts';
import { HALF_ULP } from '../../testing/kernels/bounds.ts';
import { expectClose } from '../../testing/close.ts';
import { describeGpu, SCHEMES, type TestMatrix } from '../../testing/kernels/device.ts';
import {
  everyStoredValue,
  fixedPointBounds,
  fixedPointFeatures,
  matrixCases,
  matrixInputs,
  productBounds,
} from '../../testing/kernels/matrix-cases.ts';
import { goingToNorm } from '../../testing/kernels/to-norm-cases.ts';
import { normedMatvec, normedMatvecKernel } from './normed_matvec.ts';

const EPS = 1e-5;
const SCALE = 0.75;

describeGpu(normedMatvecKernel, (gpu, { share }) => {
  /** Squares are summed over `span` elements. */
  async function run(
    x: Float32Array,
    normWeight: Float32Array,
    weights: TestMatrix,
    span: number,
    features = gpu().features,
  ) {
    const y = gpu().output(weights.rows);
    const { h, squares, count } = goingToNorm(gpu(), x, normWeight, span);
    const options = { squares: count, eps: EPS, scale: SCALE };
    await gpu().run(normedMatvec(features, 'test', { h, squares, weights, y }, options), { tokens: 1 });
    return gpu().read(y);
  }

  async function expectReference(
    x: Float32Array,
    weights: TestMatrix,
    span = 4,
    features = gpu().features,
  ): Promise<void> {
    const { columns } = weights;
    const normWeight = randomTensor(98, columns);
    const normed = rmsNorm(x, normWeight, EPS);
    const expected = matvec(weights.weights, normed).map((value) => value * SCALE);
    const bounds = features.fixedPoint ? fixedPointBounds : productBounds;
    const abs = bounds(normed, weights.magnitudes, columns);
    expectClose(await run(x, normWeight, weights, span, features), expected, { abs, rel: HALF_ULP });
  }

  it.each(SCHEMES)('is the reference with %s weights, also in parts, for any number of sums', async (scheme) => {
    const cases = matrixCases({ rows: { tile: 4, most: 31 }, columns4: { tile: 128, most: 300 } });
    await fc.assert(
      fc.asyncProperty(cases, fc.constantFrom(4, 4, 16, 64, Infinity), async (matrixCase, span) => {
        const { x, values } = matrixInputs(matrixCase);
        const { columns, partRows } = matrixCase;
        await expectReference(x, gpu().matrix(scheme, values, columns, partRows), Math.min(span, columns));
      }),
      { numRuns: 15 },
    );
  });

  it('takes each of 1 to 9 sums once, and none behind them', async () => {
    for (let count = 1; count <= 9; count++) {
      const columns = 4 * count;
      await expectReference(randomTensor(count, columns), gpu().matrix('f32', randomTensor(9, 5 * columns), columns));
    }
  });

  it.each(share(SCHEMES))("is the reference at Bamba-9B's width with %s weights", async (scheme) => {
    const weights = gpu().matrix(scheme, randomTensor(2, 9 * 4096), 4096, [4]);
    for (const span of [4, 4096]) await expectReference(randomTensor(1, 4096), weights, span);
  });

  it.each(share(['f16', 'int8', 'fp8', 'int4'] as const))('decodes every value that %s can store', async (scheme) => {
    const { bytes, rows } = everyStoredValue(scheme, 512);
    await expectReference(randomTensor(3, 512), gpu().matrixOfBytes(scheme, bytes, rows, 512));
  });

  it('is the reference with int4 weights and its input in fixed point', async () => {
    const cases = matrixCases({ rows: { tile: 32, most: 70 }, columns4: { tile: 128, most: 300 } });
    const all = fixedPointFeatures(gpu().features);
    if (all.length === 0) return; // it takes subgroups
    const features = share(all);
    const property = fc.asyncProperty(cases, fc.constantFrom(...features), async (matrixCase, device) => {
      const { x, values } = matrixInputs(matrixCase);
      const { columns, partRows } = matrixCase;
      await expectReference(x, gpu().matrix('int4', values, columns, partRows), 4, device);
    });
    await fc.assert(property, { numRuns: 20 });
    const { bytes, rows } = everyStoredValue('int4', 512);
    const stored = gpu().matrixOfBytes('int4', bytes, rows, 512);
    for (const device of features) {
      await expectReference(randomTensor(3, 512), stored, 4, device);
      await expectReference(randomTensor(1, 4096), gpu().matrix('int4', randomTensor(2, 9 * 4096), 4096), 4, device);
      for (const scale of [1e-20, 1e15]) await expectReference(randomTensor(5, 512, scale), stored, 4, device);
      const zeros = await run(new Float32Array(512), randomTensor(6, 512), stored, 4, device);
      expect([...zeros].every((value) => value === 0)).toBe(true);
    }
  });

  it('takes the scale out of its input, and keeps zeros', async () => {
    const weights = gpu().matrix('f32', randomTensor(4, 7 * 64), 64);
    for (const scale of [1e-3, 1e4, 1e15]) await expectReference(randomTensor(5, 64, scale), weights);
    const zeros = await run(new Float32Array(64), randomTensor(6, 64), weights, 4);
    expect([...zeros].every((value) => value === 0)).toBe(true);
  });
});
