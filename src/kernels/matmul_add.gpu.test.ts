import fc from 'fast-check';
import { it } from 'vitest';
import { add } from '../reference/add.ts';
import { matmul } from '../reference/matmul.ts';
import { randomTensor } from '../testing/arbitrary.ts';
import { HALF_ULP } from '../testing/bounds.ts';
import { expectClose } from '../testing/close.ts';
import { describeGpu, SCHEMES, type TestMatrix } from '../testing/device.ts';
import { everyStoredValue, matrixCases, matrixInputs, productBounds } from '../testing/matrix-cases.ts';
import { byTokens, MATMUL_TILES } from '../testing/matmul-tiles.ts';
import { matmulAdd, matmulAddKernel } from './matmul_add.ts';

describeGpu(matmulAddKernel, (gpu) => {
  async function expectReference(x: Float32Array, weights: TestMatrix, choose = byTokens): Promise<void> {
    const tokens = x.length / weights.columns;
    const residual = randomTensor(99, tokens * weights.rows);
    const y = gpu().output(residual);
    const specs = matmulAdd(gpu().features, 'test', { x: gpu().input(x), weights, y }, { normed: false });
    await gpu().run(choose(specs), { tokens });
    const expected = add(residual, matmul(x, weights.weights, weights.columns));
    const abs = productBounds(x, weights.weights, weights.columns);
    expectClose(await gpu().read(y), expected, { abs, rel: HALF_ULP });
  }

  it.each(MATMUL_TILES)(
    'is the reference around $name tiles, in all schemes, also in parts',
    async ({ tile, choose }) => {
      const cases = matrixCases({
        rows: { tile: 64, most: 129 },
        columns4: { tile: 4, most: 13 },
        tokens: { tile, most: 2 * tile + 1 },
      });
      await fc.assert(
        fc.asyncProperty(cases, fc.constantFrom(...SCHEMES), async (matrixCase, scheme) => {
          const { x, values } = matrixInputs(matrixCase);
          await expectReference(x, gpu().matrix(scheme, values, matrixCase.columns, matrixCase.partRows), choose);
        }),
        { numRuns: 40 },
      );
    },
  );

  it.each(SCHEMES)("is the reference at the width of Bamba-9B's down projection with %s weights", async (scheme) => {
    const columns = 14_336;
    await expectReference(randomTensor(1, 2 * columns), gpu().matrix(scheme, randomTensor(2, 5 * columns), columns));
  });

  it.each(['f16', 'int8', 'fp8', 'int4'] as const)('decodes every value that %s can store', async (scheme) => {
    const { bytes, rows } = everyStoredValue(scheme, 256);
    await expectReference(randomTensor(3, 17 * 256), gpu().matrixOfBytes(scheme, bytes, rows, 256));
  });
});
