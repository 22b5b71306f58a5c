import fc from 'fast-check';
import { expect, it } from 'vitest';
import { add } from '../reference/add.ts';
import { matvec } from '../reference/matvec.ts';
import { rmsNorm } from '../reference/rms_norm.ts';
import { randomTensor } from '../testing/arbitrary.ts';
import { HALF_ULP } from '../testing/bounds.ts';
import { expectClose } from '../testing/close.ts';
import { describeGpu, SCHEMES, type TestMatrix } from '../testing/device.ts';
import { everyStoredValue, matrixCases, matrixInputs, productBounds } from '../testing/matrix-cases.ts';
import { rmsNormMatvecAdd, rmsNormMatvecAddKernel } from './rms_norm_matvec_add.ts';

const EPS = 1e-5;

describeGpu(rmsNormMatvecAddKernel, (gpu) => {
  async function run(x: Float32Array, normWeight: Float32Array, weights: TestMatrix, residual: Float32Array) {
    const y = gpu().output(residual);
    const buffers = { x: gpu().input(x), normWeight: gpu().input(normWeight), weights, y };
    await gpu().run(rmsNormMatvecAdd(gpu().features, 'test', buffers, { eps: EPS }), { tokens: 1 });
    return gpu().read(y);
  }

  async function expectReference(x: Float32Array, weights: TestMatrix): Promise<void> {
    const normWeight = randomTensor(98, weights.columns);
    const residual = randomTensor(97, weights.rows);
    const normed = rmsNorm(x, normWeight, EPS);
    const expected = add(residual, matvec(weights.weights, normed));
    const abs = productBounds(normed, weights.weights, weights.columns);
    expectClose(await run(x, normWeight, weights, residual), expected, { abs, rel: HALF_ULP });
  }

  it.each(SCHEMES)('is the reference with %s weights, also in parts', async (scheme) => {
    const cases = matrixCases({ rows: { tile: 4, most: 31 }, columns4: { tile: 128, most: 300 } });
    await fc.assert(
      fc.asyncProperty(cases, async (matrixCase) => {
        const { x, values } = matrixInputs(matrixCase);
        await expectReference(x, gpu().matrix(scheme, values, matrixCase.columns, matrixCase.partRows));
      }),
      { numRuns: 12 },
    );
  });

  it.each(SCHEMES)("is the reference at the width of Bamba-9B's out projection with %s weights", async (scheme) => {
    await expectReference(randomTensor(1, 8192), gpu().matrix(scheme, randomTensor(2, 6 * 8192), 8192));
  });

  it.each(['f16', 'int8', 'fp8'] as const)('decodes every value that %s can store', async (scheme) => {
    const { bytes, rows } = everyStoredValue(scheme, 512);
    await expectReference(randomTensor(3, 512), gpu().matrixOfBytes(scheme, bytes, rows, 512));
  });

  it('leaves the residual as it is for an input of zeros', async () => {
    const weights = gpu().matrix('fp8', randomTensor(4, 7 * 64), 64);
    const residual = randomTensor(5, 7);
    expect(await run(new Float32Array(64), randomTensor(6, 64), weights, residual)).toEqual(residual);
  });
});
