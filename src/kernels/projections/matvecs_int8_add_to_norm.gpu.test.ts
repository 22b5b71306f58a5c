import fc from 'fast-check';
import { it } from 'vitest';
import { add } from '../../reference/add.ts';
import { matmul } from '../../reference/matmul.ts';
import { toNorm } from '../../reference/to_norm.ts';
import { randomTensor } from '../../testing/arbitrary.ts';
import { HALF_ULP, sumBound } from '../../testing/kernels/bounds.ts';
import { expectClose } from '../../testing/close.ts';
import { describeGpu, type TestMatrix } from '../../testing/kernels/device.ts';
import { columnProductBounds, matrixCases, matrixInputs } from '../../testing/kernels/matrix-cases.ts';
import { randomDigits, type TestRows } from '../../testing/kernels/quantized-rows.ts';
import { productsOfRounded, ROUNDED_CASES, unreadInputs } from '../../testing/kernels/rounded-columns.ts';
import { slotOutputs } from '../../testing/kernels/slot-ranges.ts';
import { matvecAddToNorm } from './matvec_add_to_norm.ts';
import { matvecsInt8AddToNormKernel } from './matvecs_int8_add_to_norm.ts';
import { normedMatvecAddToNorm } from './normed_matvec_add_to_norm.ts';
import type { Digits } from './quantize_rows.ts';

const EPS = 1e-5;

describeGpu(matvecsInt8AddToNormKernel, (gpu, { share }) => {
  async function expectReference(rows: TestRows, weights: TestMatrix, digits: Digits, normed: boolean): Promise<void> {
    const { features } = gpu();
    const { rows: height, columns } = weights;
    const nextWeight = randomTensor(99, height);
    const streams = Array.from({ length: rows.tokens }, (_, index) => randomTensor(700 + index, height));
    const squares = unreadInputs(gpu(), weights, rows.tokens);
    const x = slotOutputs(gpu(), streams);
    const [h, xSquares] = [height, height / 4].map((size) =>
      slotOutputs(
        gpu(),
        streams.map(() => new Float32Array(size)),
      ),
    );
    const normWeight = gpu().input(nextWeight);
    const lists = unreadInputs(gpu(), weights, rows.tokens).map((v, index) => {
      const stream = { normWeight, x: x.ranges[index]!, h: h!.ranges[index]!, squares: xSquares!.ranges[index]! };
      const norm = { squares: columns / 4, eps: EPS };
      return normed
        ? normedMatvecAddToNorm(features, 'test', { g: v, gSquares: squares[index]!, weights, ...stream }, norm)
        : matvecAddToNorm(features, 'test', { v, weights, ...stream });
    });
    await gpu().run(productsOfRounded(gpu(), matvecsInt8AddToNormKernel, lists, rows, digits), { tokens: 1 });
    const found = { x: await x.read(), h: await h!.read(), squares: await xSquares!.read() };
    const sums = matmul(rows.values, weights.weights, columns);
    const bounds = columnProductBounds(rows.values, weights);
    for (const [index, stream] of streams.entries()) {
      // What a norm divides by is in the scales of the rows already.
      const [own, abs] = [sums, bounds].map((all) => all.slice(index * height, (index + 1) * height));
      const sum = found.x[index]!;
      expectClose(sum, add(stream, own!), { abs: abs!, rel: HALF_ULP }, `x of sequence ${index}`);
      const left = toNorm(sum, nextWeight, 4);
      // Denormals may be flushed to zero.
      const least = 2 ** -126;
      expectClose(found.h[index]!, left.h, { abs: least, rel: 2 * HALF_ULP }, `h of sequence ${index}`);
      expectClose(found.squares[index]!, left.squares, { abs: least, rel: sumBound(4) }, `squares of ${index}`);
    }
  }

  it.each(share(ROUNDED_CASES))(
    'is the reference for each of $sequences sequences, of $digits digits, with $scheme weights, also in parts',
    async ({ digits, sequences, scheme }) => {
      const cases = matrixCases({ rows: { tile: 16, most: 20 }, columns4: { tile: 32, most: 150 }, rowsByFour: true });
      const property = fc.asyncProperty(cases, async (matrixCase) => {
        const { seed, columns, partRows } = matrixCase;
        const weights = gpu().matrix(scheme, matrixInputs(matrixCase).values, columns, partRows);
        const rows = randomDigits(seed, sequences, columns, digits);
        await expectReference(rows, weights, digits, false);
        await expectReference(rows, weights, digits, true);
      });
      await fc.assert(property, { numRuns: 4 });
    },
  );

  it.each([4100, 12_812])('is the reference for %i rows, as many as a team takes eight of', async (rows) => {
    const weights = gpu().matrix('int8', randomTensor(7, rows * 80), 80);
    await expectReference(randomDigits(8, 8, 80, 2), weights, 2, true);
  });
});
