import fc from 'fast-check';
import { it } from 'vitest';
import { add } from '../reference/add.ts';
import { matvec } from '../reference/matvec.ts';
import { randomTensor } from '../testing/arbitrary.ts';
import { HALF_ULP } from '../testing/bounds.ts';
import { expectClose } from '../testing/close.ts';
import { describeGpu, SCHEMES, type TestMatrix } from '../testing/device.ts';
import { matrixCases, matrixInputs, productBounds } from '../testing/matrix-cases.ts';
import { matvecAdd, matvecAddKernel } from './matvec_add.ts';

describeGpu(matvecAddKernel, (gpu) => {
  async function expectReference(v: Float32Array, weights: TestMatrix): Promise<void> {
    const before = randomTensor(99, weights.rows);
    const y = gpu().output(before);
    await gpu().run(matvecAdd(gpu().features, 'test', { v: gpu().input(v), weights, y }), { tokens: 1 });
    const abs = productBounds(v, weights.magnitudes, v.length);
    expectClose(await gpu().read(y), add(before, matvec(weights.weights, v)), { abs, rel: HALF_ULP });
  }

  it.each(SCHEMES)('is the reference with %s weights, also in parts', async (scheme) => {
    const cases = matrixCases({ rows: { tile: 4, most: 31 }, columns4: { tile: 128, most: 300 } });
    await fc.assert(
      fc.asyncProperty(cases, async (matrixCase) => {
        const { x, values } = matrixInputs(matrixCase);
        await expectReference(x, gpu().matrix(scheme, values, matrixCase.columns, matrixCase.partRows));
      }),
      { numRuns: 3 },
    );
  });
});
