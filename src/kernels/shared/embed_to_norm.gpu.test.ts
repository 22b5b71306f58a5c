import fc from 'fast-check';
import { expect, it } from 'vitest';
import { embed as reference } from '../../reference/embed.ts';
import { matvec } from '../../reference/matvec.ts';
import { toNorm } from '../../reference/to_norm.ts';
import { rmsNorm } from '../../reference/rms_norm.ts';
import { randomTensor, seeds, sizes } from '../../testing/arbitrary.ts';
import { HALF_ULP, sumBound } from '../../testing/kernels/bounds.ts';
import { expectClose, type Tolerance } from '../../testing/close.ts';
import { describeGpu, SCHEMES, type TestMatrix } from '../../testing/kernels/device.ts';
import { everyStoredValue, productBounds } from '../../testing/kernels/matrix-cases.ts';
import { embedToNorm, embedToNormKernel } from './embed_to_norm.ts';
import { matvecAddToNorm } from '../projections/matvec_add_to_norm.ts';
import { normedMatvec } from '../projections/normed_matvec.ts';

// A stored value times the scales of row and table: two roundings.
const EXACT = { rel: 3 * HALF_ULP };

describeGpu(embedToNormKernel, (gpu) => {
  async function expectReference(id: number, weights: TestMatrix, scale: number, near: Tolerance): Promise<void> {
    const { columns } = weights;
    const normWeight = randomTensor(98, columns);
    const x = gpu().output(columns);
    const h = gpu().output(columns);
    // The sums of a step before, of which three are overwritten with zeros.
    const stale = randomTensor(97, 20, 1e10);
    const squares = gpu().output(stale);
    const buffers = {
      ids: gpu().input(Uint32Array.of(id)),
      weights,
      normWeight: gpu().input(normWeight),
      x,
      h,
      squares,
    };
    await gpu().run(embedToNorm(gpu().features, 'test', buffers, scale), { tokens: 1 });
    const embedded = await gpu().read(x);
    expectClose(embedded, reference([id], weights.weights, columns, scale), near, 'x');
    const expected = toNorm(embedded, normWeight, columns);
    // Denormals may be flushed to zero.
    const abs = 2 ** -126;
    expectClose(await gpu().read(h), expected.h, { abs, rel: 2 * HALF_ULP }, 'h');
    const sums = await gpu().read(squares);
    expectClose(sums.subarray(0, 1), expected.squares, { abs, rel: sumBound(columns) }, 'squares');
    expect([...sums.subarray(1, 4)]).toEqual([0, 0, 0]);
    expect(sums.subarray(4)).toEqual(stale.subarray(4));
  }

  it.each(SCHEMES)('is the reference with %s weights, also in parts', async (scheme) => {
    await fc.assert(
      fc.asyncProperty(
        seeds(),
        fc.oneof(fc.constantFrom(0, 1, 19, 20, 51, 52), fc.nat(52)),
        sizes({ tile: 64, most: 129 }),
        fc.constantFrom([], [1], [20, 13], [52]),
        async (seed, id, columns4, partRows) => {
          const columns = columns4 * 4;
          const weights = gpu().matrix(scheme, randomTensor(seed, 53 * columns), columns, partRows);
          await expectReference(id, weights, 1.5, EXACT);
        },
      ),
      { numRuns: 20 },
    );
  });

  it.each(SCHEMES)("is the reference at Bamba-9B's width, and wider, with %s weights", async (scheme) => {
    for (const columns of [4096, 16_380]) {
      await expectReference(2, gpu().matrix(scheme, randomTensor(1, 3 * columns), columns), 1, EXACT);
    }
  });

  it.each(['f16', 'int8', 'fp8', 'int4'] as const)('decodes every value that %s can store', async (scheme) => {
    const columns = 4096;
    const { bytes, rows } = everyStoredValue(scheme, columns);
    const weights = gpu().matrixOfBytes(scheme, bytes, rows, columns);
    for (let id = 0; id < rows; id++) await expectReference(id, weights, 1, { abs: 0 });
  });

  it('leaves a norm that knows nothing of the step before', async () => {
    const [columns, rows] = [84, 7];
    const { features } = gpu();
    const table = gpu().matrix('f32', randomTensor(1, 5 * columns), columns);
    const down = gpu().matrix('f32', randomTensor(2, columns * 12), 12);
    const head = gpu().matrix('f32', randomTensor(3, rows * columns), columns);
    const normWeight = randomTensor(4, columns);
    const stream = {
      normWeight: gpu().input(normWeight),
      x: gpu().output(randomTensor(5, columns, 100)),
      h: gpu().output(columns),
      squares: gpu().output(new Float32Array(24)),
    };
    const y = gpu().output(rows);
    await gpu().run(
      [
        ...matvecAddToNorm(features, 'before', { v: gpu().input(randomTensor(6, 12)), weights: down, ...stream }),
        ...embedToNorm(features, 'test', { ids: gpu().input(Uint32Array.of(3)), weights: table, ...stream }),
        ...normedMatvec(features, 'after', { ...stream, weights: head, y }, { squares: 1, eps: 1e-5 }),
      ],
      { tokens: 1 },
    );
    const normed = rmsNorm(table.weights.subarray(3 * columns, 4 * columns), normWeight, 1e-5);
    const abs = productBounds(normed, head.weights, columns);
    expectClose(await gpu().read(y), matvec(head.weights, normed), { abs, rel: HALF_ULP });
    // The step before did leave sums.
    expect((await gpu().read(stream.squares)).subarray(4, 21).every((sum) => sum > 1)).toBe(true);
  });
});
