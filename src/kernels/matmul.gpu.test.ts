import fc from 'fast-check';
import { expect, it } from 'vitest';
import { matmul as reference } from '../reference/matmul.ts';
import { randomTensor } from '../testing/arbitrary.ts';
import { expectClose } from '../testing/close.ts';
import { describeGpu, describeGpuWithF16, SCHEMES, type TestGpu, type TestMatrix } from '../testing/device.ts';
import {
  everyStoredValue,
  halfProductBounds,
  matrixCases,
  matrixInputs,
  productBounds,
} from '../testing/matrix-cases.ts';
import { byTokens, MATMUL_TILES, type TileChoice, unrolledTiles } from '../testing/matmul-tiles.ts';
import { matmul, matmulKernel } from './matmul.ts';

async function runOn(
  gpu: TestGpu,
  x: Float32Array,
  weights: TestMatrix,
  { scale = 1, choose = byTokens }: { scale?: number; choose?: TileChoice } = {},
): Promise<Float32Array> {
  const tokens = x.length / weights.columns;
  const y = gpu.output(tokens * weights.rows);
  const specs = matmul(gpu.features, 'test', { x: gpu.input(x), weights, y }, { normed: true, scale });
  await gpu.run(choose(specs), { tokens });
  return gpu.read(y);
}

describeGpu(matmulKernel, (gpu) => {
  async function expectReference(x: Float32Array, weights: TestMatrix, scale = 1, choose = byTokens): Promise<void> {
    const expected = reference(x, weights.weights, weights.columns).map((value) => value * scale);
    const abs = productBounds(x, weights.weights, weights.columns).map((bound) => bound * scale);
    expectClose(await runOn(gpu(), x, weights, { scale, choose }), expected, { abs });
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
          await expectReference(x, gpu().matrix(scheme, values, matrixCase.columns, matrixCase.partRows), 0.5, choose);
        }),
        { numRuns: 40 },
      );
    },
  );

  it.each(SCHEMES)("is the reference at Bamba-9B's width with %s weights", async (scheme) => {
    await expectReference(randomTensor(1, 3 * 4096), gpu().matrix(scheme, randomTensor(2, 66 * 4096), 4096));
  });

  it.each(['f16', 'int8', 'fp8', 'int4'] as const)('decodes every value that %s can store', async (scheme) => {
    const { bytes, rows } = everyStoredValue(scheme, 256);
    await expectReference(randomTensor(3, 2 * 256), gpu().matrixOfBytes(scheme, bytes, rows, 256));
  });

  it('gives a token the same whatever other tokens are with it', async () => {
    const weights = gpu().matrix('int8', randomTensor(4, 70 * 36), 36);
    const x = randomTensor(5, 65 * 36);
    const all = await runOn(gpu(), x, weights);
    for (const [first, end] of [
      [0, 1],
      [3, 19],
      [10, 27],
      [64, 65],
    ] as const) {
      for (const { choose } of MATMUL_TILES) {
        const some = await runOn(gpu(), x.slice(first * 36, end * 36), weights, { choose });
        expect(some).toEqual(all.subarray(first * 70, end * 70));
      }
    }
  });

  it.each(MATMUL_TILES)('is the same with the products of $name tiles written out', async ({ choose }) => {
    const weights = gpu().matrix('int4', randomTensor(8, 70 * 164), 164);
    const x = randomTensor(9, 21 * 164);
    expect(await runOn(gpu(), x, weights, { choose: unrolledTiles(choose) })).toEqual(
      await runOn(gpu(), x, weights, { choose }),
    );
  });

  it('holds at large magnitudes and at zeros', async () => {
    for (const scheme of SCHEMES) {
      const weights = gpu().matrix(scheme, randomTensor(6, 5 * 64, 100), 64);
      await expectReference(randomTensor(7, 3 * 64, 1e20), weights);
      await expectReference(new Float32Array(17 * 64), weights);
    }
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
