import fc from 'fast-check';
import { expect, it } from 'vitest';
import { randomTensor } from '../../testing/arbitrary.ts';
import { digitMatrix, type DigitMatrix, digitProduct } from '../../testing/kernels/digit-products.ts';
import { describeGpuWithMatrices, type Output, type TestMatrix } from '../../testing/kernels/device.ts';
import {
  digitProductBounds,
  everyStoredValue,
  leastStoredRow,
  matrixCases,
  matrixInputs,
} from '../../testing/kernels/matrix-cases.ts';
import { ACTION_CASES, outcome } from '../../testing/kernels/product-outcomes.ts';
import { randomRowsInt16, type TestRows, uploadRows } from '../../testing/kernels/quantized-rows.ts';
import { matmulSubgroupMatrixKernel, subgroupMatrixProduct } from './matmul_subgroup_matrix.ts';
import { type Action, multiplyRows } from './projection.ts';

// With matrices that are emulated: adapters that have them are not everywhere. That the kernel compiles with real ones is
// tested in shaders.gpu.test.ts.

const schemes = ['int8', 'int4'] as const;

describeGpuWithMatrices(matmulSubgroupMatrixKernel, (gpu) => {
  async function run(action: Action, rows: TestRows, weights: TestMatrix, y: Output): Promise<void> {
    const buffers = { ...uploadRows(gpu(), rows), weights, y };
    const projection = { product: subgroupMatrixProduct, action };
    await gpu().run(multiplyRows(gpu().features, 'test', projection, buffers, { pass: 'long' }), {
      tokens: rows.tokens,
    });
  }

  async function expectReference(action: Action, rows: TestRows, { weights, rowScales }: DigitMatrix): Promise<void> {
    const sums = digitProduct(rows, { weights, rowScales });
    const { y, check } = outcome(gpu(), action, sums, digitProductBounds(rows.values, weights));
    await run(action, rows, weights, y);
    await check();
  }

  it.each(ACTION_CASES)('is the reference of $action around tiles, also in parts', async ({ action, rowsEven }) => {
    const cases = matrixCases({
      rows: { tile: rowsEven ? 64 : 128, most: rowsEven ? 70 : 140 },
      columns4: { tile: 32, most: 70 },
      tokens: { tile: 64, most: 66 },
      rowsEven,
    });
    await fc.assert(
      fc.asyncProperty(cases, fc.constantFrom(...schemes), async (matrixCase, scheme) => {
        const { columns, partRows, seed, tokens } = matrixCase;
        const matrix = digitMatrix(gpu(), scheme, matrixInputs(matrixCase).values, columns, partRows);
        await expectReference(action, randomRowsInt16(seed, tokens, columns), matrix);
      }),
      { numRuns: 12 },
    );
  });

  it.each(schemes)('is the reference in all of a tile, and behind it, with %s weights', async (scheme) => {
    await expectReference(
      'set',
      randomRowsInt16(5, 66, 300),
      digitMatrix(gpu(), scheme, randomTensor(6, 130 * 300), 300),
    );
  });

  it.each(schemes)("is the reference at Bamba-9B's width with %s weights", async (scheme) => {
    await expectReference(
      'set',
      randomRowsInt16(1, 3, 4096),
      digitMatrix(gpu(), scheme, randomTensor(2, 5 * 4096), 4096),
    );
  });

  it.each(schemes)('multiplies every value that a weight of %s can have', async (scheme) => {
    const { bytes, rows } = everyStoredValue(scheme, 256);
    const weights = gpu().matrixOfBytes(scheme, bytes, rows, 256);
    await expectReference('set', randomRowsInt16(3, 2, 256), { weights, rowScales: new Float64Array(rows).fill(1) });
  });

  it.each(schemes)('sums the largest integers of %s exactly', async (scheme) => {
    const [tokens, columns] = [1, 512];
    const values = new Float64Array(columns).fill(-32_640);
    const bytes = new Uint8Array(2 * columns).fill(0x81, 0, columns).fill(0x80, columns);
    const rows = { values, bytes, scales: new Float32Array([1]), tokens };
    const weights = gpu().matrixOfBytes(scheme, leastStoredRow(scheme, columns), 1, columns);
    const y = gpu().output(1);
    await run('set', rows, weights, y);
    expect([...(await gpu().read(y))]).toEqual([32_640 * (scheme === 'int8' ? 128 : 15.5) * columns]);
  });
});
