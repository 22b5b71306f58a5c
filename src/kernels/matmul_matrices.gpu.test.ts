import fc from 'fast-check';
import { expect, it } from 'vitest';
import { add } from '../reference/add.ts';
import { swiglu } from '../reference/swiglu.ts';
import { randomTensor } from '../testing/arbitrary.ts';
import { HALF_ULP } from '../testing/bounds.ts';
import { expectClose } from '../testing/close.ts';
import { digitMatrix, type DigitMatrix, digitProduct } from '../testing/digit-products.ts';
import { describeGpuWithMatrices, type Output, type TestMatrix } from '../testing/device.ts';
import {
  digitProductBounds,
  everyStoredValue,
  leastStoredRow,
  matrixCases,
  matrixInputs,
  swigluBounds,
} from '../testing/matrix-cases.ts';
import { randomRows16, type TestRows, uploadRows } from '../testing/quantized-rows.ts';
import { matmulMatrices, matmulMatricesAdd, matmulMatricesKernel, matmulMatricesSwiglu } from './matmul_matrices.ts';

// With matrices that are emulated: adapters that have them are not everywhere. That the kernel compiles with real ones is
// tested in shaders.gpu.test.ts.

const schemes = ['int8', 'int4'] as const;

describeGpuWithMatrices(matmulMatricesKernel, (gpu) => {
  async function run(of: typeof matmulMatrices, rows: TestRows, weights: TestMatrix, y: Output): Promise<Float32Array> {
    const specs = of(gpu().features, 'test', { ...uploadRows(gpu(), rows), weights, y });
    await gpu().run(specs, { tokens: rows.tokens });
    return gpu().read(y);
  }

  async function expectReference(rows: TestRows, { weights, rowScales }: DigitMatrix): Promise<void> {
    const y = gpu().output(rows.tokens * weights.rows);
    const expected = digitProduct(rows, { weights, rowScales });
    expectClose(await run(matmulMatrices, rows, weights, y), expected, {
      abs: digitProductBounds(rows.values, weights),
    });
  }

  async function expectAdded(rows: TestRows, { weights, rowScales }: DigitMatrix): Promise<void> {
    const residual = randomTensor(99, rows.tokens * weights.rows);
    const expected = add(residual, digitProduct(rows, { weights, rowScales }));
    const abs = digitProductBounds(rows.values, weights);
    const y = gpu().output(residual);
    expectClose(await run(matmulMatricesAdd, rows, weights, y), expected, { abs, rel: HALF_ULP });
  }

  async function expectSwiglu(rows: TestRows, { weights, rowScales }: DigitMatrix): Promise<void> {
    const gateUp = digitProduct(rows, { weights, rowScales });
    const abs = swigluBounds(gateUp, digitProductBounds(rows.values, weights));
    const y = gpu().output((rows.tokens * weights.rows) / 2);
    // Denormals may be flushed to zero.
    const bounds = abs.map((bound) => bound + 1e-37);
    expectClose(await run(matmulMatricesSwiglu, rows, weights, y), swiglu(gateUp), { abs: bounds });
  }

  it.each([
    { name: 'y = x . W^T', expectation: expectReference, rowsEven: false },
    { name: 'y += x . W^T', expectation: expectAdded, rowsEven: false },
    { name: 'swiglu', expectation: expectSwiglu, rowsEven: true },
  ])('is the reference of $name around tiles, also in parts', async ({ expectation, rowsEven }) => {
    const cases = matrixCases({
      rows: { tile: rowsEven ? 64 : 128, most: rowsEven ? 70 : 140 },
      columns4: { tile: 32, most: 70 },
      tokens: { tile: 64, most: 66 },
      rowsEven,
    });
    await fc.assert(
      fc.asyncProperty(cases, fc.constantFrom(...schemes), async (matrixCase, scheme) => {
        const { columns, partRows, seed, tokens } = matrixCase;
        const { values } = matrixInputs(matrixCase);
        await expectation(randomRows16(seed, tokens, columns), digitMatrix(gpu(), scheme, values, columns, partRows));
      }),
      { numRuns: 12 },
    );
  });

  it.each(schemes)('is the reference in all of a tile, and behind it, with %s weights', async (scheme) => {
    await expectReference(randomRows16(5, 66, 300), digitMatrix(gpu(), scheme, randomTensor(6, 130 * 300), 300));
  });

  it.each(schemes)("is the reference at Bamba-9B's width with %s weights", async (scheme) => {
    await expectReference(randomRows16(1, 3, 4096), digitMatrix(gpu(), scheme, randomTensor(2, 5 * 4096), 4096));
  });

  it.each(schemes)('multiplies every value that a weight of %s can have', async (scheme) => {
    const { bytes, rows } = everyStoredValue(scheme, 256);
    const weights = gpu().matrixOfBytes(scheme, bytes, rows, 256);
    await expectReference(randomRows16(3, 2, 256), { weights, rowScales: new Float64Array(rows).fill(1) });
  });

  it.each(schemes)('sums the largest integers of %s exactly', async (scheme) => {
    const [tokens, columns] = [1, 512];
    const values = new Float64Array(columns).fill(-32_640);
    const bytes = new Uint8Array(2 * columns).fill(0x81, 0, columns).fill(0x80, columns);
    const rows = { values, bytes, scales: new Float32Array([1]), tokens };
    const weights = gpu().matrixOfBytes(scheme, leastStoredRow(scheme, columns), 1, columns);
    const y = await run(matmulMatrices, rows, weights, gpu().output(1));
    expect([...y]).toEqual([32_640 * (scheme === 'int8' ? 128 : 15.5) * columns]);
  });
});
