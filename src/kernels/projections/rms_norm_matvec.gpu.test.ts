import fc from 'fast-check';
import { expect, it } from 'vitest';
import { matvec } from '../../reference/matvec.ts';
import { rmsNorm } from '../../reference/rms_norm.ts';
import { randomTensor } from '../../testing/arbitrary.ts';
import { HALF_ULP } from '../../testing/kernels/bounds.ts';
import { expectClose } from '../../testing/close.ts';
import { describeGpu, SCHEMES, type TestMatrix } from '../../testing/kernels/device.ts';
import { everyStoredValue, matrixCases, matrixInputs, productBounds } from '../../testing/kernels/matrix-cases.ts';
import { rmsNormMatvec, rmsNormMatvecKernel } from './rms_norm_matvec.ts';

const EPS = 1e-5;
const SCALE = 0.75;

describeGpu(rmsNormMatvecKernel, (gpu) => {
  async function run(x: Float32Array, normWeight: Float32Array, weights: TestMatrix): Promise<Float32Array> {
    const y = gpu().output(weights.rows);
    const buffers = { x: gpu().input(x), normWeight: gpu().input(normWeight), weights, y };
    const tokens = x.length / normWeight.length;
    await gpu().run(rmsNormMatvec(gpu().features, 'test', buffers, { eps: EPS, scale: SCALE }), { tokens });
    return gpu().read(y);
  }

  /** x (T, C), of which the last row counts. */
  async function expectReference(x: Float32Array, weights: TestMatrix): Promise<void> {
    const { columns } = weights;
    const normWeight = randomTensor(98, columns);
    const normed = rmsNorm(x.subarray(-columns), normWeight, EPS);
    const expected = matvec(weights.weights, normed).map((value) => value * SCALE);
    const abs = productBounds(normed, weights.magnitudes, columns);
    expectClose(await run(x, normWeight, weights), expected, { abs, rel: HALF_ULP });
  }

  it.each(SCHEMES)('is the reference on the last row with %s weights, also in parts', async (scheme) => {
    const cases = matrixCases({
      rows: { tile: 4, most: 31 },
      columns4: { tile: 128, most: 300 },
      tokens: { tile: 2, most: 3 },
    });
    await fc.assert(
      fc.asyncProperty(cases, async (matrixCase) => {
        const { x, values } = matrixInputs(matrixCase);
        await expectReference(x, gpu().matrix(scheme, values, matrixCase.columns, matrixCase.partRows));
      }),
      { numRuns: 12 },
    );
  });

  it.each(SCHEMES)("is the reference at Bamba-9B's width with %s weights", async (scheme) => {
    await expectReference(randomTensor(1, 4096), gpu().matrix(scheme, randomTensor(2, 9 * 4096), 4096, [4]));
  });

  it.each(['f16', 'int8', 'fp8', 'int4'] as const)('decodes every value that %s can store', async (scheme) => {
    const { bytes, rows } = everyStoredValue(scheme, 512);
    await expectReference(randomTensor(3, 512), gpu().matrixOfBytes(scheme, bytes, rows, 512));
  });

  it('takes the scale out of its input, and keeps zeros', async () => {
    const weights = gpu().matrix('f32', randomTensor(4, 7 * 64), 64);
    for (const scale of [1e-3, 1e4, 1e15]) await expectReference(randomTensor(5, 64, scale), weights);
    const zeros = await run(new Float32Array(64), randomTensor(6, 64), weights);
    expect([...zeros].every((value) => value === 0)).toBe(true);
  });
});
