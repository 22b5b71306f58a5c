import fc from 'fast-check';
import { expect, it } from 'vitest';
import { add } from '../../reference/add.ts';
import { matmul } from '../../reference/matmul.ts';
import { swiglu } from '../../reference/swiglu.ts';
import { randomTensor } from '../../testing/arbitrary.ts';
import { HALF_ULP } from '../../testing/kernels/bounds.ts';
import { expectClose } from '../../testing/close.ts';
import { describeGpu, type TestMatrix } from '../../testing/kernels/device.ts';
import {
  columnProductBounds,
  everyStoredValue,
  leastStoredRow,
  matrixCases,
  matrixInputs,
  swigluBounds,
} from '../../testing/kernels/matrix-cases.ts';
import { randomDigits, type TestRows } from '../../testing/kernels/quantized-rows.ts';
import { productsOfRounded, ROUNDED_CASES, unreadInputs } from '../../testing/kernels/rounded-columns.ts';
import { slotInputs, slotOutputs } from '../../testing/kernels/slot-ranges.ts';
import { roundedColumnsDispatches } from './columns.ts';
import { matvec } from './matvec.ts';
import { matvecsInt8Kernel } from './matvecs_int8.ts';
import { normedMatvec } from './normed_matvec.ts';
import { normedMatvecSwiglu } from './normed_matvec_swiglu.ts';
import type { Digits } from './quantize_rows.ts';

const EPS = 1e-5;
const SCALE = 0.75;

describeGpu(matvecsInt8Kernel, (gpu, { share }) => {
  /** Rows of what should come out, one a sequence. */
  const ofSequence = (values: Float64Array, index: number, sequences: number) => {
    const width = values.length / sequences;
    return values.slice(index * width, (index + 1) * width);
  };

  async function expectAdded(rows: TestRows, weights: TestMatrix, digits: Digits): Promise<void> {
    const { tokens } = rows;
    const before = Array.from({ length: tokens }, (_, index) => randomTensor(900 + index, weights.rows));
    const y = slotOutputs(gpu(), before);
    const lists = unreadInputs(gpu(), weights, tokens).map((v, index) =>
      matvec(gpu().features, 'test', { v, weights, y: y.ranges[index]! }, 'add'),
    );
    await gpu().run(productsOfRounded(gpu(), matvecsInt8Kernel, lists, rows, digits), { tokens: 1 });
    const sums = matmul(rows.values, weights.weights, weights.columns);
    const bounds = columnProductBounds(rows.values, weights);
    for (const [index, found] of (await y.read()).entries()) {
      const expected = add(before[index]!, ofSequence(sums, index, tokens));
      const abs = ofSequence(bounds, index, tokens);
      expectClose(found, expected, { abs, rel: HALF_ULP }, `sequence ${index}`);
    }
  }

  async function expectNormed(rows: TestRows, weights: TestMatrix, digits: Digits, gated: boolean): Promise<void> {
    const { tokens } = rows;
    const { features } = gpu();
    const norm = { squares: weights.columns / 4, eps: EPS };
    const squares = unreadInputs(gpu(), weights, tokens);
    const y = slotOutputs(
      gpu(),
      squares.map(() => new Float32Array(gated ? weights.rows / 2 : weights.rows).fill(-1)),
    );
    const lists = unreadInputs(gpu(), weights, tokens).map((h, index) => {
      const buffers = { h, squares: squares[index]!, weights, y: y.ranges[index]! };
      return gated
        ? normedMatvecSwiglu(features, 'test', buffers, norm)
        : normedMatvec(features, 'test', buffers, { ...norm, scale: SCALE });
    });
    await gpu().run(productsOfRounded(gpu(), matvecsInt8Kernel, lists, rows, digits), { tokens: 1 });
    const all = matmul(rows.values, weights.weights, weights.columns);
    const allBounds = columnProductBounds(rows.values, weights);
    for (const [index, found] of (await y.read()).entries()) {
      // What a norm divides by is in the scales of the rows already.
      const [sums, bounds] = [all, allBounds].map((one) => ofSequence(one, index, tokens)) as [
        Float64Array,
        Float64Array,
      ];
      const expected = gated ? swiglu(sums) : sums.map((value) => value * SCALE);
      // Denormals may be flushed to zero.
      const abs = gated ? swigluBounds(sums, bounds).map((bound) => bound + 1e-37) : bounds;
      expectClose(found, expected, { abs, rel: HALF_ULP }, `sequence ${index}`);
    }
  }

  it.each(share(ROUNDED_CASES))(
    'is the reference for each of $sequences sequences, of $digits digits, with $scheme weights, also in parts',
    async ({ digits, sequences, scheme }) => {
      const cases = matrixCases({ rows: { tile: 16, most: 40 }, columns4: { tile: 32, most: 150 }, rowsEven: true });
      const property = fc.asyncProperty(cases, async (matrixCase) => {
        const { seed, columns, partRows } = matrixCase;
        const weights = gpu().matrix(scheme, matrixInputs(matrixCase).values, columns, partRows);
        const rows = randomDigits(seed, sequences, columns, digits);
        await expectAdded(rows, weights, digits);
        await expectNormed(rows, weights, digits, false);
        await expectNormed(rows, weights, digits, true);
      });
      await fc.assert(property, { numRuns: 4 });
    },
  );

  it.each([4100, 12_812])('is the reference for %i rows, as many as a team takes eight of', async (rows) => {
    const weights = gpu().matrix('int8', randomTensor(7, rows * 80), 80);
    const inputs = randomDigits(8, 8, 80, 2);
    await expectAdded(inputs, weights, 2);
    await expectNormed(inputs, weights, 2, true);
  });

  it.each(['int8', 'int4'] as const)('multiplies every value that a weight of %s can have', async (scheme) => {
    const { bytes, rows } = everyStoredValue(scheme, 256);
    await expectAdded(randomDigits(3, 4, 256, 2), gpu().matrixOfBytes(scheme, bytes, rows, 256), 2);
  });

  it.each(['int8', 'int4'] as const)('sums the largest integers of %s exactly', async (scheme) => {
    const [columns, sequences] = [128, 2];
    const weights = gpu().matrixOfBytes(scheme, leastStoredRow(scheme, columns), 1, columns);
    const count = sequences * columns;
    const rows = {
      // -128 in both digits.
      values: new Float64Array(count).fill(-128 * 257),
      bytes: new Uint8Array(2 * count).fill(0x80),
      scales: new Float32Array(sequences).fill(1),
      tokens: sequences,
    };
    const y = slotOutputs(gpu(), [new Float32Array(1), new Float32Array(1)]);
    const lists = unreadInputs(gpu(), weights, sequences).map((v, index) =>
      matvec(gpu().features, 'test', { v, weights, y: y.ranges[index]! }, 'set'),
    );
    await gpu().run(productsOfRounded(gpu(), matvecsInt8Kernel, lists, rows, 2), { tokens: 1 });
    const least = scheme === 'int8' ? -128 : -15.5;
    for (const found of await y.read()) expect([...found]).toEqual([128 * -128 * 257 * least]);
  });

  it('is for weights of integers alone, and for buffers at equal distances', () => {
    const dispatches = (scheme: 'f16' | 'int8', order: readonly number[]) => {
      const weights = gpu().matrix(scheme, randomTensor(1, 64), 8);
      const vectors = order.map(() => new Float32Array(8));
      const y = slotOutputs(gpu(), vectors).ranges;
      const v = slotInputs(gpu(), vectors);
      const specs = order.map((own, place) =>
        matvec(gpu().features, 'test', { v: v[own]!, weights, y: y[place]! }, 'set').at(0)!,
      );
      const to = { x: v[0]!, x_scale: v[0]! };
      return roundedColumnsDispatches(gpu().features, specs, { digits: 1, to });
    };
    expect(dispatches('int8', [0, 1])).not.toBeNull();
    expect(dispatches('int8', [1, 0])).toBeNull();
    expect(dispatches('int8', [0, 1, 2])).toBeNull();
    expect(dispatches('f16', [0, 1])).toBeNull();
  });
});
