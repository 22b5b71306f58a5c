import fc from 'fast-check';
import { it } from 'vitest';
import { add } from '../../reference/add.ts';
import { matvec as reference } from '../../reference/matvec.ts';
import { randomTensor } from '../../testing/arbitrary.ts';
import { HALF_ULP } from '../../testing/kernels/bounds.ts';
import { expectClose } from '../../testing/close.ts';
import { describeGpu, SCHEMES, type TestMatrix } from '../../testing/kernels/device.ts';
import { everyStoredValue, matrixCases, matrixInputs, productBounds } from '../../testing/kernels/matrix-cases.ts';
import { matvec, matvecKernel } from './matvec.ts';

describeGpu(matvecKernel, (gpu) => {
  /** What replaces y, and what is added to it. */
  async function expectReference(v: Float32Array, weights: TestMatrix): Promise<void> {
    const before = randomTensor(99, weights.rows);
    const [y, sum] = [gpu().output(weights.rows), gpu().output(before)];
    const given = { v: gpu().input(v), weights };
    const { features } = gpu();
    const specs = [
      ...matvec(features, 'test', { ...given, y }),
      ...matvec(features, 'test', { ...given, y: sum }, 'add'),
    ];
    await gpu().run(specs, { tokens: 1 });
    const abs = productBounds(v, weights.magnitudes, v.length);
    const product = reference(weights.weights, v);
    expectClose(await gpu().read(y), product, { abs, rel: HALF_ULP }, 'y');
    expectClose(await gpu().read(sum), add(before, product), { abs, rel: HALF_ULP }, 'the sum');
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
