import fc from 'fast-check';
import { it } from 'vitest';
import { matmul } from '../reference/matmul.ts';
import { swiglu } from '../reference/swiglu.ts';
import { randomTensor } from '../testing/arbitrary.ts';
import { expectClose } from '../testing/close.ts';
import { describeGpu, type TestMatrix } from '../testing/device.ts';
import { byTokens, MATMUL_TILES } from '../testing/matmul-tiles.ts';
import { integerProductBounds, matrixCases, matrixInputs, swigluBounds } from '../testing/matrix-cases.ts';
import { randomRows, type TestRows, uploadRows } from '../testing/quantized-rows.ts';
import { matmulInt8Swiglu, matmulInt8SwigluKernel } from './matmul_int8_swiglu.ts';

const schemes = ['int8', 'int4'] as const;

describeGpu(matmulInt8SwigluKernel, (gpu) => {
  async function expectReference(rows: TestRows, weights: TestMatrix, choose = byTokens): Promise<void> {
    const { tokens, values } = rows;
    const y = gpu().output((tokens * weights.rows) / 2);
    const specs = matmulInt8Swiglu(gpu().features, 'test', { ...uploadRows(gpu(), rows), weights, y });
    await gpu().run(choose(specs), { tokens });
    const gateUp = matmul(values, weights.weights, weights.columns);
    const abs = swigluBounds(gateUp, integerProductBounds(values, weights));
    // Denormals may be flushed to zero.
    expectClose(await gpu().read(y), swiglu(gateUp), { abs: abs.map((bound) => bound + 1e-37) });
  }

  it.each(MATMUL_TILES)('is the reference around $name tiles, also in parts', async ({ tile, choose }) => {
    const cases = matrixCases({
      rows: { tile: 32, most: 65 },
      columns4: { tile: 32, most: 100 },
      tokens: { tile, most: 2 * tile + 1 },
      rowsEven: true,
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

  it.each(schemes)("is the reference at Bamba-9B's width with %s weights", async (scheme) => {
    await expectReference(randomRows(1, 3, 4096), gpu().matrix(scheme, randomTensor(2, 66 * 4096, 0.02), 4096));
  });
});
