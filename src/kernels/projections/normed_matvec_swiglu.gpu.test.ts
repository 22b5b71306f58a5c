import fc from 'fast-check';
import { it } from 'vitest';
import { gated } from '../../reference/activation.ts';
import { matvec } from '../../reference/matvec.ts';
import { rmsNorm } from '../../reference/rms_norm.ts';
import { swiglu } from '../../reference/swiglu.ts';
import { randomTensor } from '../../testing/arbitrary.ts';
import { expectClose } from '../../testing/close.ts';
import { describeGpu, SCHEMES, type TestMatrix } from '../../testing/kernels/device.ts';
import {
  everyStoredValue,
  fixedPointBounds,
  fixedPointFeatures,
  matrixCases,
  matrixInputs,
  productBounds,
  swigluBounds,
} from '../../testing/kernels/matrix-cases.ts';
import { goingToNorm } from '../../testing/kernels/to-norm-cases.ts';
import { normedMatvecSwiglu, normedMatvecSwigluKernel } from './normed_matvec_swiglu.ts';

const EPS = 1e-5;

describeGpu(normedMatvecSwigluKernel, (gpu, { share }) => {
  /** Squares are summed over `span` elements. */
  async function expectReference(
    x: Float32Array,
    weights: TestMatrix,
    span = 4,
    features = gpu().features,
  ): Promise<void> {
    const { columns, rows } = weights;
    const normWeight = randomTensor(98, columns);
    const y = gpu().output(rows / 2);
    const { h, squares, count } = goingToNorm(gpu(), x, normWeight, span);
    const options = { squares: count, eps: EPS };
    await gpu().run(normedMatvecSwiglu(features, 'test', { h, squares, weights, y }, options), { tokens: 1 });
    const normed = rmsNorm(x, normWeight, EPS);
    const bounds = features.fixedPoint ? fixedPointBounds : productBounds;
    const gateUp = matvec(weights.weights, normed);
    const abs = swigluBounds(gateUp, bounds(normed, weights.magnitudes, columns));
    // Denormals may be flushed to zero.
    expectClose(await gpu().read(y), swiglu(gateUp), { abs: abs.map((bound) => bound + 1e-37) });
  }

  it.each(SCHEMES)('is the reference with %s weights, also in parts, for any number of sums', async (scheme) => {
    const cases = matrixCases({ rows: { tile: 4, most: 31 }, columns4: { tile: 128, most: 300 }, rowsEven: true });
    await fc.assert(
      fc.asyncProperty(cases, fc.constantFrom(4, 4, 16, Infinity), async (matrixCase, span) => {
        const { x, values } = matrixInputs(matrixCase);
        const { columns, partRows } = matrixCase;
        await expectReference(x, gpu().matrix(scheme, values, columns, partRows), Math.min(span, columns));
      }),
      { numRuns: 12 },
    );
  });

  it('takes each of 1 to 9 sums once, and none behind them', async () => {
    for (let count = 1; count <= 9; count++) {
      const columns = 4 * count;
      await expectReference(randomTensor(count, columns), gpu().matrix('f32', randomTensor(9, 6 * columns), columns));
    }
  });

  it.each(share(SCHEMES))("is the reference at Bamba-9B's width with %s weights", async (scheme) => {
    await expectReference(randomTensor(1, 4096), gpu().matrix(scheme, randomTensor(2, 10 * 4096, 0.02), 4096, [4]));
  });

  it.each(share(['f16', 'int8', 'fp8', 'int4'] as const))('decodes every value that %s can store', async (scheme) => {
    // Gates grow to some thousands on the way: silu is its argument there, or zero.
    const { bytes, rows } = everyStoredValue(scheme, 64);
    await expectReference(randomTensor(3, 64), gpu().matrixOfBytes(scheme, bytes, rows, 64));
  });

  it('is the reference with int4 weights and its input in fixed point', async () => {
    const cases = matrixCases({ rows: { tile: 32, most: 70 }, columns4: { tile: 128, most: 300 }, rowsEven: true });
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

  it.each(['gelu', 'gelu_tanh', 'relu2'] as const)('is the reference with %s', async (activation) => {
    const [columns, rows] = [132, 22];
    const x = randomTensor(1, columns);
    const normWeight = randomTensor(2, columns);
    const weights = gpu().matrix('f32', randomTensor(3, rows * columns, 0.2), columns);
    const y = gpu().output(rows / 2);
    const { h, squares, count } = goingToNorm(gpu(), x, normWeight);
    const options = { squares: count, eps: EPS, activation };
    await gpu().run(normedMatvecSwiglu(gpu().features, 'test', { h, squares, weights, y }, options), { tokens: 1 });
    const expected = gated(matvec(weights.weights, rmsNorm(x, normWeight, EPS)), activation);
    // Products of some hundred terms, of two or three units.
    expectClose(await gpu().read(y), expected, { abs: 1e-4 });
  });

  it('holds where gates are far from zero, on both sides', async () => {
    for (const scale of [1, 10, 1000]) {
      await expectReference(randomTensor(5, 64), gpu().matrix('f32', randomTensor(6, 40 * 64, scale), 64));
    }
    await expectReference(new Float32Array(64), gpu().matrix('f32', randomTensor(6, 40 * 64), 64));
  });
});
