import fc from 'fast-check';
import { expect, it } from 'vitest';
import { matmul as reference } from '../../reference/matmul.ts';
import { randomTensor } from '../../testing/arbitrary.ts';
import { describeGpu, type TestMatrix } from '../../testing/kernels/device.ts';
import { MATMUL_TILES, ofAnyTile, unrolledTiles } from '../../testing/kernels/matmul-tiles.ts';
import {
  everyStoredValue,
  integerProductBounds,
  leastStoredRow,
  matrixCases,
  matrixInputs,
} from '../../testing/kernels/matrix-cases.ts';
import { outcome, withActions } from '../../testing/kernels/product-outcomes.ts';
import { randomRows, someRows, type TestRows, uploadRows } from '../../testing/kernels/quantized-rows.ts';
import { int8Product, matmulInt8Kernel } from './matmul_int8.ts';
import { passLength } from '../shared/pass-length.ts';
import { type Action, multiplyRows } from './projection.ts';

const SCHEMES = ['int8', 'int4'] as const;

describeGpu(matmulInt8Kernel, (gpu, { share, once }) => {
  async function run(
    rows: TestRows,
    weights: TestMatrix,
    { pass = passLength(rows.tokens), unrolled = false } = {},
  ): Promise<Float32Array> {
    const y = gpu().output(rows.tokens * weights.rows);
    const set = { product: int8Product, action: 'set' } as const;
    const specs = multiplyRows(
      ofAnyTile(gpu().features),
      'test',
      set,
      { ...uploadRows(gpu(), rows), weights, y },
      { pass },
    );
    await gpu().run(unrolled ? unrolledTiles(specs) : specs, { tokens: rows.tokens });
    return gpu().read(y);
  }

  async function expectReference(
    action: Action,
    rows: TestRows,
    weights: TestMatrix,
    { scale = 1, pass = passLength(rows.tokens) } = {},
  ): Promise<void> {
    const sums = reference(rows.values, weights.weights, weights.columns).map((value) => value * scale);
    const bounds = integerProductBounds(rows.values, weights).map((bound) => bound * scale);
    const { y, check } = outcome(gpu(), action, sums, bounds);
    const buffers = { ...uploadRows(gpu(), rows), weights, y };
    const projection = { product: int8Product, action };
    await gpu().run(multiplyRows(ofAnyTile(gpu().features), 'test', projection, buffers, { pass, scale }), {
      tokens: rows.tokens,
    });
    await check();
  }

  it.each(withActions(MATMUL_TILES).map((one, index) => ({ ...one, schemes: share(SCHEMES, index) })))(
    'is the reference of $action around tiles of $pass passes, also in parts',
    async ({ action, rowsEven, pass, tile, schemes }) => {
      const cases = matrixCases({
        rows: rowsEven ? { tile: 32, most: 65 } : { tile: 64, most: 129 },
        columns4: { tile: 32, most: 66 },
        tokens: { tile, most: 2 * tile + 1 },
        rowsEven,
      });
      await fc.assert(
        fc.asyncProperty(cases, fc.constantFrom(...schemes), async (matrixCase, scheme) => {
          const { columns, partRows, seed, tokens } = matrixCase;
          const weights = gpu().matrix(scheme, matrixInputs(matrixCase).values, columns, partRows);
          const scale = action === 'set' ? 0.5 : 1;
          await expectReference(action, randomRows(seed, tokens, columns), weights, { pass, scale });
        }),
        { numRuns: 30 },
      );
    },
  );

  it.each(SCHEMES)("is the reference at Bamba-9B's widths with %s weights", async (scheme) => {
    const matrix = (rows: number, columns: number, size: number) =>
      gpu().matrix(scheme, randomTensor(2, rows * columns, size), columns);
    await expectReference('set', randomRows(1, 3, 4096), matrix(66, 4096, 1));
    await expectReference('swiglu', randomRows(1, 3, 4096), matrix(66, 4096, 0.02));
    await expectReference('add', randomRows(1, 2, 14_336), matrix(5, 14_336, 1));
  });

  it.each(SCHEMES)('multiplies every value that a weight of %s can have', async (scheme) => {
    const { bytes, rows } = everyStoredValue(scheme, 256);
    await expectReference('set', randomRows(3, 2, 256), gpu().matrixOfBytes(scheme, bytes, rows, 256));
  });

  it.each(SCHEMES)('sums the largest integers of %s exactly', async (scheme) => {
    const [tokens, columns] = [2, 128];
    const least = { values: new Float64Array(tokens * columns).fill(-128), scales: new Float32Array(tokens).fill(1) };
    const rows = { ...least, bytes: new Uint8Array(tokens * columns).fill(0x80), tokens };
    const bytes = leastStoredRow(scheme, columns);
    const weights = gpu().matrixOfBytes(scheme, bytes, 1, columns);
    expect(await run(rows, weights)).toEqual(
      new Float32Array(tokens).fill(scheme === 'int8' ? 128 ** 3 : 128 ** 2 * 15.5),
    );
  });

  // Teams of small tiles add up in another order than the one team of large ones.
  it.each(MATMUL_TILES)('gives a token the same whatever tokens of a $pass pass are with it', async ({ pass }) => {
    for (const scheme of SCHEMES) {
      const weights = gpu().matrix(scheme, randomTensor(4, 70 * 164), 164);
      const rows = randomRows(5, 65, 164);
      const all = await run(rows, weights, { pass });
      for (const [first, end] of [
        [0, 1],
        [3, 19],
        [10, 27],
        [64, 65],
      ] as const) {
        const some = await run(someRows(rows, first, end), weights, { pass });
        expect(some).toEqual(all.subarray(first * 70, end * 70));
      }
    }
  });

  if (once) {
    it('is the same with the products written out', async () => {
      const weights = gpu().matrix('int4', randomTensor(6, 70 * 164), 164);
      const rows = randomRows(7, 70, 164);
      expect(await run(rows, weights, { unrolled: true })).toEqual(await run(rows, weights));
    });
  }
});
