import fc from 'fast-check';
import { expect, it } from 'vitest';
import { matmul as reference } from '../reference/matmul.ts';
import { randomTensor } from '../testing/arbitrary.ts';
import { expectClose } from '../testing/close.ts';
import { describeGpu, type TestMatrix } from '../testing/device.ts';
import { byTokens, MATMUL_TILES } from '../testing/matmul-tiles.ts';
import { everyStoredValue, matrixCases, matrixInputs, productBounds } from '../testing/matrix-cases.ts';
import { randomRows, type TestRows, uploadRows } from '../testing/quantized-rows.ts';
import { matmulInt8, matmulInt8Kernel } from './matmul_int8.ts';

describeGpu(matmulInt8Kernel, (gpu) => {
  async function run(rows: TestRows, weights: TestMatrix, scale = 1, choose = byTokens): Promise<Float32Array> {
    const y = gpu().output(rows.tokens * weights.rows);
    const specs = matmulInt8(gpu().features, 'test', { ...uploadRows(gpu(), rows), weights, y }, { scale });
    await gpu().run(choose(specs), { tokens: rows.tokens });
    return gpu().read(y);
  }

  async function expectReference(rows: TestRows, weights: TestMatrix, scale = 1, choose = byTokens): Promise<void> {
    const expected = reference(rows.values, weights.weights, weights.columns).map((value) => value * scale);
    const abs = productBounds(rows.values, weights.weights, weights.columns).map((bound) => bound * scale);
    expectClose(await run(rows, weights, scale, choose), expected, { abs });
  }

  it.each(MATMUL_TILES)('is the reference around $name tiles, also in parts', async ({ tile, choose }) => {
    const cases = matrixCases({
      rows: { tile: 64, most: 129 },
      columns4: { tile: 32, most: 100 },
      tokens: { tile, most: 2 * tile + 1 },
    });
    await fc.assert(
      fc.asyncProperty(cases, async (matrixCase) => {
        const { columns, partRows, seed, tokens } = matrixCase;
        const weights = gpu().matrix('int8', matrixInputs(matrixCase).values, columns, partRows);
        await expectReference(randomRows(seed, tokens, columns), weights, 0.5, choose);
      }),
      { numRuns: 30 },
    );
  });

  it("is the reference at Bamba-9B's width", async () => {
    await expectReference(randomRows(1, 3, 4096), gpu().matrix('int8', randomTensor(2, 66 * 4096), 4096));
  });

  it('multiplies every value that a weight can have', async () => {
    const { bytes, rows } = everyStoredValue('int8', 256);
    await expectReference(randomRows(3, 2, 256), gpu().matrixOfBytes('int8', bytes, rows, 256));
  });

  it('gives a token the same in all tiles', async () => {
    const weights = gpu().matrix('int8', randomTensor(4, 70 * 164), 164);
    const rows = randomRows(5, 21, 164);
    const [first, ...others] = await Promise.all(MATMUL_TILES.map(async ({ choose }) => run(rows, weights, 1, choose)));
    for (const other of others) expect(other).toEqual(first);
  });
});
