import fc from 'fast-check';
import { expect, it } from 'vitest';
import { add } from '../../reference/add.ts';
import { matvec as product } from '../../reference/matvec.ts';
import { rmsNorm } from '../../reference/rms_norm.ts';
import { swiglu } from '../../reference/swiglu.ts';
import { toNorm } from '../../reference/to_norm.ts';
import { randomTensor } from '../../testing/arbitrary.ts';
import { HALF_ULP } from '../../testing/kernels/bounds.ts';
import { expectClose } from '../../testing/close.ts';
import { describeGpu, SCHEMES, type TestMatrix } from '../../testing/kernels/device.ts';
import {
  everyStoredValue,
  matrixCases,
  matrixInputs,
  productBounds,
  swigluBounds,
} from '../../testing/kernels/matrix-cases.ts';
import { slotInputs, slotOutputs } from '../../testing/kernels/slot-ranges.ts';
import type { DispatchSpec } from '../../gpu/plan.ts';
import { columnsDispatch } from './columns.ts';
import { matvec } from './matvec.ts';
import { matvecsKernel } from './matvecs.ts';
import { normedMatvec } from './normed_matvec.ts';
import { normedMatvecSwiglu } from './normed_matvec_swiglu.ts';

const EPS = 1e-5;
const SCALE = 0.75;
/** Sequences, by scheme. */
const COLUMNS: Readonly<Record<string, number>> = { f32: 4, f16: 16, int8: 8, fp8: 2, int4: 4 };

describeGpu(matvecsKernel, (gpu, { share }) => {
  /** One dispatch of those of all sequences, for each part of the matrix. */
  function together(lists: readonly DispatchSpec[][]): DispatchSpec[] {
    return lists[0]!.map((_, part) => {
      const merged = columnsDispatch(
        gpu().features,
        lists.map((list) => list[part]!),
      );
      expect(merged?.kernel).toBe(matvecsKernel);
      return merged!;
    });
  }

  /** Inputs of all sequences, of which the last is zeros. */
  function inputsOf(seed: number, columns: number, scheme: string): Float32Array[] {
    const count = COLUMNS[scheme]!;
    return Array.from({ length: count }, (_, index) =>
      index === count - 1 ? new Float32Array(columns) : randomTensor(seed + 7 * index, columns),
    );
  }

  async function expectAdded(inputs: Float32Array[], weights: TestMatrix): Promise<void> {
    const before = inputs.map((_, index) => randomTensor(900 + index, weights.rows));
    const y = slotOutputs(gpu(), before);
    const v = slotInputs(gpu(), inputs);
    const lists = v.map((own, index) =>
      matvec(gpu().features, 'test', { v: own, weights, y: y.ranges[index]! }, 'add'),
    );
    await gpu().run(together(lists), { tokens: 1 });
    for (const [index, found] of (await y.read()).entries()) {
      const x = inputs[index]!;
      const expected = add(before[index]!, product(weights.weights, x));
      const abs = productBounds(x, weights.magnitudes, weights.columns);
      expectClose(found, expected, { abs, rel: HALF_ULP }, `sequence ${index}`);
    }
  }

  async function expectNormed(inputs: Float32Array[], weights: TestMatrix, gated: boolean): Promise<void> {
    const { columns, rows } = weights;
    const { features } = gpu();
    const normWeight = randomTensor(98, columns);
    const going = inputs.map((x) => toNorm(x, normWeight, 4));
    const h = slotInputs(
      gpu(),
      going.map((one) => Float32Array.from(one.h)),
    );
    const filled = Math.ceil(columns / 16) * 4;
    const squares = slotInputs(
      gpu(),
      going.map((one) => {
        const values = new Float32Array(filled);
        values.set(one.squares);
        return values;
      }),
    );
    const y = slotOutputs(
      gpu(),
      inputs.map(() => new Float32Array(gated ? rows / 2 : rows).fill(-1)),
    );
    const norm = { squares: columns / 4, eps: EPS };
    const lists = h.map((own, index) => {
      const buffers = { h: own, squares: squares[index]!, weights, y: y.ranges[index]! };
      return gated
        ? normedMatvecSwiglu(features, 'test', buffers, norm)
        : normedMatvec(features, 'test', buffers, { ...norm, scale: SCALE });
    });
    await gpu().run(together(lists), { tokens: 1 });
    for (const [index, found] of (await y.read()).entries()) {
      const normed = rmsNorm(inputs[index]!, normWeight, EPS);
      const sums = product(weights.weights, normed);
      const bounds = productBounds(normed, weights.magnitudes, columns);
      const expected = gated ? swiglu(sums) : sums.map((value) => value * SCALE);
      const abs = gated ? swigluBounds(sums, bounds) : bounds;
      expectClose(found, expected, { abs, rel: HALF_ULP }, `sequence ${index}`);
    }
  }

  it.each(SCHEMES)('is the reference for each sequence with %s weights, also in parts', async (scheme) => {
    const cases = matrixCases({ rows: { tile: 16, most: 40 }, columns4: { tile: 32, most: 150 }, rowsEven: true });
    const property = fc.asyncProperty(cases, async (matrixCase) => {
      const { values } = matrixInputs(matrixCase);
      const { seed, columns, partRows } = matrixCase;
      const weights = gpu().matrix(scheme, values, columns, partRows);
      const inputs = inputsOf(seed, columns, scheme);
      await expectAdded(inputs, weights);
      await expectNormed(inputs, weights, false);
      await expectNormed(inputs, weights, true);
    });
    await fc.assert(property, { numRuns: 4 });
  });

  it.each(share(['f16', 'int8', 'fp8', 'int4'] as const))('decodes every value that %s can store', async (scheme) => {
    const { bytes, rows } = everyStoredValue(scheme, 512);
    await expectAdded(inputsOf(3, 512, scheme), gpu().matrixOfBytes(scheme, bytes, rows, 512));
  });

  it('is not for sequences whose vectors do not lie at equal distances, nor for any number of them', () => {
    const weights = gpu().matrix('f32', randomTensor(1, 64), 8);
    const y = slotOutputs(
      gpu(),
      [0, 1, 2, 3].map(() => new Float32Array(8)),
    ).ranges;
    const v = slotInputs(
      gpu(),
      [0, 1, 2, 3].map((seed) => randomTensor(seed, 8)),
    );
    const lists = (order: number[]) =>
      order.map((index, place) =>
        matvec(gpu().features, 'test', { v: v[index]!, weights, y: y[place]! }, 'set').at(0)!,
      );
    expect(columnsDispatch(gpu().features, lists([0, 1, 2, 3]))).not.toBeNull();
    expect(columnsDispatch(gpu().features, lists([0, 1, 3, 2]))).toBeNull();
    expect(columnsDispatch(gpu().features, lists([0, 1, 2]))).toBeNull();
  });
});
