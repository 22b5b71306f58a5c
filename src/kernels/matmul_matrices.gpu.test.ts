import fc from 'fast-check';
import { expect, it } from 'vitest';
import { add } from '../reference/add.ts';
import { matmul } from '../reference/matmul.ts';
import { swiglu } from '../reference/swiglu.ts';
import { randomTensor } from '../testing/arbitrary.ts';
import { HALF_ULP } from '../testing/bounds.ts';
import { expectClose } from '../testing/close.ts';
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

describeGpuWithMatrices(matmulMatricesKernel, (gpu) => {
  async function run(of: typeof matmulMatrices, rows: TestRows, weights: TestMatrix, y: Output): Promise<Float32Array> {
    const specs = of(gpu().features, 'test', { ...uploadRows(gpu(), rows), weights, y });
    await gpu().run(specs, { tokens: rows.tokens });
    return gpu().read(y);
  }

  async function expectReference(rows: TestRows, weights: TestMatrix): Promise<void> {
    const y = gpu().output(rows.tokens * weights.rows);
    const expected = matmul(rows.values, weights.weights, weights.columns);
    expectClose(await run(matmulMatrices, rows, weights, y), expected, {
      abs: digitProductBounds(rows.values, weights),
    });
  }

  async function expectAdded(rows: TestRows, weights: TestMatrix): Promise<void> {
    const residual = randomTensor(99, rows.tokens * weights.rows);
    const expected = add(residual, matmul(rows.values, weights.weights, weights.columns));
    const abs = digitProductBounds(rows.values, weights);
    const y = gpu().output(residual);
    expectClose(await run(matmulMatricesAdd, rows, weights, y), expected, { abs, rel: HALF_ULP });
  }

  async function expectSwiglu(rows: TestRows, weights: TestMatrix): Promise<void> {
    const gateUp = matmul(rows.values, weights.weights, weights.columns);
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
      fc.asyncProperty(cases, async (matrixCase) => {
        const { columns, partRows, seed, tokens } = matrixCase;
        const weights = gpu().matrix('int8', matrixInputs(matrixCase).values, columns, partRows);
        await expectation(randomRows16(seed, tokens, columns), weights);
      }),
      { numRuns: 8 },
    );
  });

  it("is the reference at Bamba-9B's width", async () => {
    await expectReference(randomRows16(1, 3, 4096), gpu().matrix('int8', randomTensor(2, 5 * 4096), 4096));
  });

  it('multiplies every value that a weight can have', async () => {
    const { bytes, rows } = everyStoredValue('int8', 256);
    await expectReference(randomRows16(3, 2, 256), gpu().matrixOfBytes('int8', bytes, rows, 256));
  });

  it('sums the largest integers exactly', async () => {
    const [tokens, columns] = [1, 512];
    const values = new Float64Array(columns).fill(-32_640);
    const bytes = new Uint8Array(2 * columns).fill(0x81, 0, columns).fill(0x80, columns);
    const rows = { values, bytes, scales: new Float32Array([1]), tokens };
    const weights = gpu().matrixOfBytes('int8', leastStoredRow('int8', columns), 1, columns);
    const y = await run(matmulMatrices, rows, weights, gpu().output(1));
    expect([...y]).toEqual([32_640 * 128 * columns]);
  });
});
