import fc from 'fast-check';
import { it } from 'vitest';
import { add } from '../reference/add.ts';
import { matmul } from '../reference/matmul.ts';
import { randomTensor } from '../testing/arbitrary.ts';
import { HALF_ULP } from '../testing/bounds.ts';
import { expectClose } from '../testing/close.ts';
import { describeGpu, type TestMatrix } from '../testing/device.ts';
import { byTokens, MATMUL_TILES } from '../testing/matmul-tiles.ts';
import { integerProductBounds, matrixCases, matrixInputs } from '../testing/matrix-cases.ts';
import { randomRows, type TestRows, uploadRows } from '../testing/quantized-rows.ts';
import { matmulInt8Add, matmulInt8AddKernel } from './matmul_int8_add.ts';

const schemes = ['int8', 'int4'] as const;

describeGpu(matmulInt8AddKernel, (gpu) => {
  async function expectReference(rows: TestRows, weights: TestMatrix, choose = byTokens): Promise<void> {
    const { tokens, values } = rows;
    const residual = randomTensor(99, tokens * weights.rows);
    const y = gpu().output(residual);
    const specs = matmulInt8Add(gpu().features, 'test', { ...uploadRows(gpu(), rows), weights, y });
    await gpu().run(choose(specs), { tokens });
    const expected = add(residual, matmul(values, weights.weights, weights.columns));
    const abs = integerProductBounds(values, weights);
    expectClose(await gpu().read(y), expected, { abs, rel: HALF_ULP });
  }

  it.each(MATMUL_TILES)('is the reference around $name tiles, also in parts', async ({ tile, choose }) => {
    const cases = matrixCases({
      rows: { tile: 64, most: 129 },
      columns4: { tile: 32, most: 100 },
      tokens: { tile, most: 2 * tile + 1 },
    });
    await fc.assert(
      fc.asyncProperty(cases, fc.constantFrom(...schemes), async (matrixCase, scheme) => {
        const { columns, partRows, seed, tokens } = matrixCase;
        const weights = gpu().matrix(scheme, matrixInputs(matrixCase).values, columns, partRows);
        await expectReference(randomRows(seed, tokens, columns), weights, choose);
      }),
      { numRuns: 30 },
    );
  });

  it.each(schemes)("is the reference at the width of Bamba-9B's down projection with %s weights", async (scheme) => {
    const columns = 14_336;
    await expectReference(randomRows(1, 2, columns), gpu().matrix(scheme, randomTensor(2, 5 * columns), columns));
  });
});
