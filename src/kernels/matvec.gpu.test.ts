import fc from 'fast-check';
import { it } from 'vitest';
import { matvec as reference } from '../reference/matvec.ts';
import { randomTensor } from '../testing/arbitrary.ts';
import { HALF_ULP } from '../testing/bounds.ts';
import { expectClose } from '../testing/close.ts';
import { describeGpu, SCHEMES, type TestMatrix } from '../testing/device.ts';
import { everyStoredValue, matrixCases, matrixInputs, productBounds } from '../testing/matrix-cases.ts';
import { matvec, matvecKernel } from './matvec.ts';

describeGpu(matvecKernel, (gpu) => {
  async function expectReference(v: Float32Array, weights: TestMatrix): Promise<void> {
    const y = gpu().output(weights.rows);
    await gpu().run(matvec(gpu().features, 'test', { v: gpu().input(v), weights, y }), { tokens: 1 });
    const abs = productBounds(v, weights.magnitudes, v.length);
    expectClose(await gpu().read(y), reference(weights.weights, v), { abs, rel: HALF_ULP });
  }

  it.each(SCHEMES)('is the reference with %s weights, also in parts', async (scheme) => {
    const cases = matrixCases({ rows: { tile: 4, most: 31 }, columns4: { tile: 128, most: 300 } });
    await fc.assert(
      fc.asyncProperty(cases, async (matrixCase) => {
        const { x, values } = matrixInputs(matrixCase);
        await expectReference(x, gpu().matrix(scheme, values, matrixCase.columns, matrixCase.partRows));
      }),
      { numRuns: 5 },
    );
  });

  it.each(['f16', 'int8', 'fp8', 'int4'] as const)('decodes every value that %s can store', async (scheme) => {
    const { bytes, rows } = everyStoredValue(scheme, 512);
    await expectReference(randomTensor(3, 512), gpu().matrixOfBytes(scheme, bytes, rows, 512));
  });
});
