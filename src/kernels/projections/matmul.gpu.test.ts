import fc from 'fast-check';
import { expect, it } from 'vitest';
import { matmul as reference } from '../../reference/matmul.ts';
import { randomTensor } from '../../testing/arbitrary.ts';
import { expectClose } from '../../testing/close.ts';
import {
  describeGpu,
  describeGpuWithF16,
  SCHEMES,
  type TestGpu,
  type TestMatrix,
} from '../../testing/kernels/device.ts';
import {
  everyStoredValue,
  halfProductBounds,
  matrixCases,
  matrixInputs,
  productBounds,
} from '../../testing/kernels/matrix-cases.ts';
import { MATMUL_TILES, ofAnyTile, unrolledTiles } from '../../testing/kernels/matmul-tiles.ts';
import { ACTION_CASES, outcome, withActions } from '../../testing/kernels/product-outcomes.ts';
import { f32Product, matmulKernel } from './matmul.ts';
import { passLength } from '../shared/pass-length.ts';
import { type Action, multiplyRows } from './projection.ts';

async function runOn(
  gpu: TestGpu,
  x: Float32Array,
  weights: TestMatrix,
  { pass = passLength(x.length / weights.columns), unrolled = false } = {},
): Promise<Float32Array> {
  const tokens = x.length / weights.columns;
  const y = gpu.output(tokens * weights.rows);
  const set = { product: f32Product, action: 'set' } as const;
  const specs = multiplyRows(
    ofAnyTile(gpu.features),
    'test',
    set,
    { x: gpu.input(x), weights, y },
    { pass, normed: true },
  );
  await gpu.run(unrolled ? unrolledTiles(specs) : specs, { tokens });
  return gpu.read(y);
}

describeGpu(matmulKernel, (gpu) => {
  async function expectReference(
    action: Action,
    x: Float32Array,
    weights: TestMatrix,
    { scale = 1, pass = passLength(x.length / weights.columns) } = {},
  ): Promise<void> {
    const { columns } = weights;
    const sums = reference(x, weights.weights, columns).map((value) => value * scale);
    const bounds = productBounds(x, weights.weights, columns).map((bound) => bound * scale);
    const { y, check } = outcome(gpu(), action, sums, bounds);
    const buffers = { x: gpu().input(x), weights, y };
    const projection = { product: f32Product, action };
    const specs = multiplyRows(ofAnyTile(gpu().features), 'test', projection, buffers, { pass, normed: false, scale });
    await gpu().run(specs, { tokens: x.length / columns });
    await check();
  }

  it.each(withActions(MATMUL_TILES))(
    'is the reference of $action around tiles of $pass passes, in all schemes, also in parts',
    async ({ action, rowsEven, pass, tile }) => {
      const cases = matrixCases({
        rows: rowsEven ? { tile: 32, most: 65 } : { tile: 64, most: 129 },
        columns4: { tile: 4, most: 13 },
        tokens: { tile, most: 2 * tile + 1 },
        rowsEven,
      });
      await fc.assert(
        fc.asyncProperty(cases, fc.constantFrom(...SCHEMES), async (matrixCase, scheme) => {
          const { x, values } = matrixInputs(matrixCase);
          const weights = gpu().matrix(scheme, values, matrixCase.columns, matrixCase.partRows);
          await expectReference(action, x, weights, { pass, scale: action === 'set' ? 0.5 : 1 });
        }),
        { numRuns: 40 },
      );
    },
  );

  it.each(['geglu', 'geglu_tanh', 'reglu2'] as const)(
    'is the reference of %s in passes of both lengths',
    async (action) => {
      for (const pass of ['short', 'long'] as const) {
        const weights = gpu().matrix('f32', randomTensor(2, 66 * 36), 36);
        await expectReference(action, randomTensor(1, 17 * 36), weights, { pass });
      }
    },
  );

  it.each(SCHEMES)("is the reference at Bamba-9B's widths with %s weights", async (scheme) => {
    const matrix = (rows: number, columns: number, size: number) =>
      gpu().matrix(scheme, randomTensor(2, rows * columns, size), columns);
    await expectReference('set', randomTensor(1, 3 * 4096), matrix(66, 4096, 1));
    await expectReference('swiglu', randomTensor(1, 3 * 4096), matrix(66, 4096, 0.02));
    await expectReference('add', randomTensor(1, 2 * 14_336), matrix(5, 14_336, 1));
  });

  it.each(['f16', 'int8', 'fp8', 'int4'] as const)('decodes every value that %s can store', async (scheme) => {
    for (const { action } of ACTION_CASES) {
      const columns = action === 'swiglu' ? 128 : 256;
      const { bytes, rows } = everyStoredValue(scheme, columns);
      const tokens = action === 'add' ? 17 : 2;
      const weights = gpu().matrixOfBytes(scheme, bytes, rows, columns);
      await expectReference(action, randomTensor(3, tokens * columns), weights);
    }
  });

  // Teams of short passes add up in another order than the one team of long passes.
  it.each(MATMUL_TILES)('gives a token the same whatever tokens of a $pass pass are with it', async ({ pass }) => {
    const weights = gpu().matrix('int8', randomTensor(4, 70 * 36), 36);
    const x = randomTensor(5, 65 * 36);
    const all = await runOn(gpu(), x, weights, { pass });
    for (const [first, end] of [
      [0, 1],
      [3, 19],
      [10, 27],
      [64, 65],
    ] as const) {
      const some = await runOn(gpu(), x.slice(first * 36, end * 36), weights, { pass });
      expect(some).toEqual(all.subarray(first * 70, end * 70));
    }
  });

  it.each(MATMUL_TILES)('is the same with the products of $pass passes written out', async ({ pass }) => {
    const weights = gpu().matrix('int4', randomTensor(8, 70 * 164), 164);
    const x = randomTensor(9, 21 * 164);
    expect(await runOn(gpu(), x, weights, { pass, unrolled: true })).toEqual(await runOn(gpu(), x, weights, { pass }));
  });

  it('holds at large magnitudes and at zeros', async () => {
    for (const scheme of SCHEMES) {
      const weights = gpu().matrix(scheme, randomTensor(6, 5 * 64, 100), 64);
      await expectReference('set', randomTensor(7, 3 * 64, 1e20), weights);
      await expectReference('set', new Float32Array(17 * 64), weights);
    }
  });

  it('holds where gates are far from zero, on both sides', async () => {
    for (const size of [1, 10, 1000]) {
      const weights = gpu().matrix('f32', randomTensor(6, 40 * 64, size), 64);
      await expectReference('swiglu', randomTensor(5, 3 * 64), weights);
    }
    await expectReference('swiglu', new Float32Array(64), gpu().matrix('f32', randomTensor(6, 40 * 64), 64));
  });
});

describeGpuWithF16(matmulKernel, (gpu) => {
  it.each(['f16', 'int8', 'fp8', 'int4'] as const)(
    'is near the reference with tiles of half precision of %s',
    async (scheme) => {
      for (const tokens of [3, 70]) {
        const weights = gpu().matrix(scheme, randomTensor(1, 70 * 132, 0.1), 132);
        const x = randomTensor(2, tokens * 132);
        // A tile holds stored values: those of int8 and fp8 are exact, and scales come after the sum.
        const abs = halfProductBounds(x, weights.weights, 132);
        expectClose(await runOn(gpu(), x, weights), reference(x, weights.weights, 132), { abs });
      }
    },
  );
});
