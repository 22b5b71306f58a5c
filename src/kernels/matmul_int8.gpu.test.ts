import fc from 'fast-check';
import { expect, it } from 'vitest';
import { matmul as reference } from '../reference/matmul.ts';
import { randomTensor } from '../testing/arbitrary.ts';
import { expectClose } from '../testing/close.ts';
import { describeGpu, type TestMatrix } from '../testing/device.ts';
import { byTokens, MATMUL_TILES, unrolledTiles } from '../testing/matmul-tiles.ts';
import {
  everyStoredValue,
  integerProductBounds,
  leastStoredRow,
  matrixCases,
  matrixInputs,
} from '../testing/matrix-cases.ts';
import { randomRows, type TestRows, uploadRows } from '../testing/quantized-rows.ts';
import { matmulInt8, matmulInt8Kernel } from './matmul_int8.ts';

const schemes = ['int8', 'int4'] as const;

describeGpu(matmulInt8Kernel, (gpu) => {
  async function run(rows: TestRows, weights: TestMatrix, scale = 1, choose = byTokens): Promise<Float32Array> {
    const y = gpu().output(rows.tokens * weights.rows);
    const specs = matmulInt8(gpu().features, 'test', { ...uploadRows(gpu(), rows), weights, y }, { scale });
    await gpu().run(choose(specs), { tokens: rows.tokens });
    return gpu().read(y);
  }

  async function expectReference(rows: TestRows, weights: TestMatrix, scale = 1, choose = byTokens): Promise<void> {
    const expected = reference(rows.values, weights.weights, weights.columns).map((value) => value * scale);
    const abs = integerProductBounds(rows.values, weights).map((bound) => bound * scale);
    expectClose(await run(rows, weights, scale, choose), expected, { abs });
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
        await expectReference(randomRows(seed, tokens, columns), weights, 0.5, choose);
      }),
      { numRuns: 30 },
    );
  });

  it.each(schemes)("is the reference at Bamba-9B's width with %s weights", async (scheme) => {
    await expectReference(randomRows(1, 3, 4096), gpu().matrix(scheme, randomTensor(2, 66 * 4096), 4096));
  });

  it.each(schemes)('multiplies every value that a weight of %s can have', async (scheme) => {
    const { bytes, rows } = everyStoredValue(scheme, 256);
    await expectReference(randomRows(3, 2, 256), gpu().matrixOfBytes(scheme, bytes, rows, 256));
  });

  it.each(schemes)('sums the largest integers of %s exactly', async (scheme) => {
    const [tokens, columns] = [2, 128];
    const least = { values: new Float64Array(tokens * columns).fill(-128), scales: new Float32Array(tokens).fill(1) };
    const rows = { ...least, bytes: new Uint8Array(tokens * columns).fill(0x80), tokens };
    const bytes = leastStoredRow(scheme, columns);
    const weights = gpu().matrixOfBytes(scheme, bytes, 1, columns);
    expect(await run(rows, weights)).toEqual(
      new Float32Array(tokens).fill(scheme === 'int8' ? 128 ** 3 : 128 ** 2 * 15.5),
    );
  });

  it.each(schemes)('gives a token the same in all tiles with %s weights', async (scheme) => {
    const weights = gpu().matrix(scheme, randomTensor(4, 70 * 164), 164);
    const rows = randomRows(5, 21, 164);
    const [first, ...others] = await Promise.all(MATMUL_TILES.map(async ({ choose }) => run(rows, weights, 1, choose)));
    for (const other of others) expect(other).toEqual(first);
  });

  it('is the same with the products written out', async () => {
    const weights = gpu().matrix('int4', randomTensor(6, 70 * 164), 164);
    const rows = randomRows(7, 70, 164);
    expect(await run(rows, weights, 1, unrolledTiles(byTokens))).toEqual(await run(rows, weights));
  });
});
