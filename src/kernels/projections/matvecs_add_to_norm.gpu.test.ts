import fc from 'fast-check';
import { expect, it } from 'vitest';
import { add } from '../../reference/add.ts';
import { matvec as product } from '../../reference/matvec.ts';
import { rmsNorm } from '../../reference/rms_norm.ts';
import { toNorm } from '../../reference/to_norm.ts';
import { randomTensor } from '../../testing/arbitrary.ts';
import { HALF_ULP, sumBound } from '../../testing/kernels/bounds.ts';
import { expectClose } from '../../testing/close.ts';
import { describeGpu, SCHEMES, type TestMatrix } from '../../testing/kernels/device.ts';
import { matrixCases, matrixInputs, productBounds } from '../../testing/kernels/matrix-cases.ts';
import { slotInputs, slotOutputs } from '../../testing/kernels/slot-ranges.ts';
import { columnsDispatch } from './columns.ts';
import { matvecAddToNorm } from './matvec_add_to_norm.ts';
import { matvecsAddToNormKernel } from './matvecs_add_to_norm.ts';
import { normedMatvecAddToNorm } from './normed_matvec_add_to_norm.ts';

const EPS = 1e-5;
/** Sequences, by scheme. */
const COLUMNS: Readonly<Record<string, number>> = { f32: 2, f16: 4, int8: 16, fp8: 4, int4: 8 };

describeGpu(matvecsAddToNormKernel, (gpu) => {
  async function expectReference(inputs: Float32Array[], weights: TestMatrix, normed: boolean): Promise<void> {
    const { rows, columns } = weights;
    const { features } = gpu();
    const [ownWeight, nextWeight] = [randomTensor(98, columns), randomTensor(99, rows)];
    const streams = inputs.map((_, index) => randomTensor(700 + index, rows));
    const going = inputs.map((v) => (normed ? toNorm(v, ownWeight, 4) : { h: v, squares: new Float32Array(1) }));
    const v = slotInputs(
      gpu(),
      going.map(({ h }) => Float32Array.from(h)),
    );
    const squares = slotInputs(
      gpu(),
      going.map((one) => {
        const values = new Float32Array(Math.ceil(columns / 16) * 4);
        values.set(one.squares);
        return values;
      }),
    );
    const x = slotOutputs(gpu(), streams);
    const [h, xSquares] = [rows, rows / 4].map((size) =>
      slotOutputs(
        gpu(),
        inputs.map(() => new Float32Array(size)),
      ),
    );
    const normWeight = gpu().input(nextWeight);
    const lists = v.map((own, index) => {
      const stream = { normWeight, x: x.ranges[index]!, h: h!.ranges[index]!, squares: xSquares!.ranges[index]! };
      const norm = { squares: columns / 4, eps: EPS };
      return normed
        ? normedMatvecAddToNorm(features, 'test', { g: own, gSquares: squares[index]!, weights, ...stream }, norm)
        : matvecAddToNorm(features, 'test', { v: own, weights, ...stream });
    });
    const merged = lists[0]!.map((_, part) =>
      columnsDispatch(
        features,
        lists.map((list) => list[part]!),
      )!,
    );
    for (const { kernel } of merged) expect(kernel).toBe(matvecsAddToNormKernel);
    await gpu().run(merged, { tokens: 1 });
    const found = { x: await x.read(), h: await h!.read(), squares: await xSquares!.read() };
    for (const [index, input] of inputs.entries()) {
      const vector = normed ? rmsNorm(input, ownWeight, EPS) : input;
      const abs = productBounds(vector, weights.magnitudes, columns);
      const expected = add(streams[index]!, product(weights.weights, vector));
      const sum = found.x[index]!;
      expectClose(sum, expected, { abs, rel: HALF_ULP }, `x of sequence ${index}`);
      const left = toNorm(sum, nextWeight, 4);
      // Denormals may be flushed to zero.
      const least = 2 ** -126;
      expectClose(found.h[index]!, left.h, { abs: least, rel: 2 * HALF_ULP }, `h of sequence ${index}`);
      expectClose(found.squares[index]!, left.squares, { abs: least, rel: sumBound(4) }, `squares of ${index}`);
    }
  }

  it.each(SCHEMES)('is the reference for each sequence with %s weights, also in parts', async (scheme) => {
    const cases = matrixCases({ rows: { tile: 16, most: 20 }, columns4: { tile: 32, most: 150 }, rowsByFour: true });
    const property = fc.asyncProperty(cases, async (matrixCase) => {
      const { values } = matrixInputs(matrixCase);
      const { seed, columns, partRows } = matrixCase;
      const weights = gpu().matrix(scheme, values, columns, partRows);
      const inputs = Array.from({ length: COLUMNS[scheme]! }, (_, index) => randomTensor(seed + 7 * index, columns));
      await expectReference(inputs, weights, false);
      await expectReference(inputs, weights, true);
    });
    await fc.assert(property, { numRuns: 4 });
  });
});
