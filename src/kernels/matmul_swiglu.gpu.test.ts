import fc from 'fast-check';
import { it } from 'vitest';
import { matmul } from '../reference/matmul.ts';
import { swiglu } from '../reference/swiglu.ts';
import { randomTensor } from '../testing/arbitrary.ts';
import { expectClose } from '../testing/close.ts';
import { describeGpu, SCHEMES, type TestMatrix } from '../testing/device.ts';
import { everyStoredValue, matrixCases, matrixInputs, productBounds, swigluBounds } from '../testing/matrix-cases.ts';
import { byTokens, MATMUL_TILES } from '../testing/matmul-tiles.ts';
import { matmulSwiglu, matmulSwigluKernel } from './matmul_swiglu.ts';

describeGpu(matmulSwigluKernel, (gpu) => {
  async function expectReference(x: Float32Array, weights: TestMatrix, choose = byTokens): Promise<void> {
    const tokens = x.length / weights.columns;
    const y = gpu().output((tokens * weights.rows) / 2);
    const specs = matmulSwiglu(gpu().features, 'test', { x: gpu().input(x), weights, y }, { normed: true });
    await gpu().run(choose(specs), { tokens });
    const gateUp = matmul(x, weights.weights, weights.columns);
    const abs = swigluBounds(gateUp, productBounds(x, weights.weights, weights.columns));
    // Denormals may be flushed to zero.
    expectClose(await gpu().read(y), swiglu(gateUp), { abs: abs.map((bound) => bound + 1e-37) });
  }

  it.each(MATMUL_TILES)(
    'is the reference around $name tiles, in all schemes, also in parts',
    async ({ tile, choose }) => {
      const cases = matrixCases({
        rows: { tile: 32, most: 65 },
        columns4: { tile: 4, most: 13 },
        tokens: { tile, most: 2 * tile + 1 },
        rowsEven: true,
      });
      await fc.assert(
        fc.asyncProperty(cases, fc.constantFrom(...SCHEMES), async (matrixCase, scheme) => {
          const { x, values } = matrixInputs(matrixCase);
          await expectReference(x, gpu().matrix(scheme, values, matrixCase.columns, matrixCase.partRows), choose);
        }),
        { numRuns: 40 },
      );
    },
  );

  it.each(SCHEMES)("is the reference at Bamba-9B's width with %s weights", async (scheme) => {
    await expectReference(randomTensor(1, 3 * 4096), gpu().matrix(scheme, randomTensor(2, 66 * 4096, 0.02), 4096));
  });

  it.each(['f16', 'int8', 'fp8', 'int4'] as const)('decodes every value that %s can store', async (scheme) => {
    const { bytes, rows } = everyStoredValue(scheme, 128);
    await expectReference(randomTensor(3, 5 * 128), gpu().matrixOfBytes(scheme, bytes, rows, 128));
  });

  it('holds where gates are far from zero, on both sides', async () => {
    for (const scale of [1, 10, 1000]) {
      await expectReference(randomTensor(5, 3 * 64), gpu().matrix('f32', randomTensor(6, 40 * 64, scale), 64));
    }
    await expectReference(new Float32Array(64), gpu().matrix('f32', randomTensor(6, 40 * 64), 64));
  });
});
