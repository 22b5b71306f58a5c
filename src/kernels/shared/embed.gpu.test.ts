import fc from 'fast-check';
import { expect, it } from 'vitest';
import { embed as reference } from '../../reference/embed.ts';
import { randomTensor, seeds, sizes } from '../../testing/arbitrary.ts';
import { expectClose } from '../../testing/close.ts';
import { describeGpu, SCHEMES, type TestMatrix } from '../../testing/kernels/device.ts';
import { everyStoredValue } from '../../testing/kernels/matrix-cases.ts';
import { HALF_ULP } from '../../testing/kernels/bounds.ts';
import { embed, embedKernel } from './embed.ts';

// A stored value times the scales of row and table: two roundings.
const EXACT = { rel: 3 * HALF_ULP };

describeGpu(embedKernel, (gpu) => {
  async function run(ids: number[], weights: TestMatrix, scale = 1): Promise<Float32Array> {
    const x = gpu().output(ids.length * weights.columns);
    const buffers = { ids: gpu().input(Uint32Array.from(ids)), weights, x };
    await gpu().run(embed(gpu().features, 'test', buffers, scale), { tokens: ids.length });
    return gpu().read(x);
  }

  it.each(SCHEMES)('is the reference with %s weights, also in parts', async (scheme) => {
    await fc.assert(
      fc.asyncProperty(
        seeds(),
        fc.array(fc.nat(52), { minLength: 1, maxLength: 9 }),
        sizes({ tile: 64, most: 129 }),
        fc.constantFrom([], [1], [20, 13], [52]),
        async (seed, ids, columns4, partRows) => {
          const columns = columns4 * 4;
          const weights = gpu().matrix(scheme, randomTensor(seed, 53 * columns), columns, partRows);
          expectClose(await run(ids, weights, 1.5), reference(ids, weights.weights, columns, 1.5), EXACT);
        },
      ),
      { numRuns: 20 },
    );
  });

  it.each(['f16', 'int8', 'fp8', 'int4'] as const)('decodes every value that %s can store', async (scheme) => {
    const columns = 128;
    const { bytes, rows } = everyStoredValue(scheme, columns);
    const weights = gpu().matrixOfBytes(scheme, bytes, rows, columns);
    const ids = Array.from({ length: rows }, (_, row) => row);
    expectClose(await run(ids, weights), weights.weights, { abs: 0 });
  });

  it('takes the same row for the same id, at any place', async () => {
    const weights = gpu().matrix('int8', randomTensor(1, 8 * 20), 20);
    const x = await run([7, 0, 7], weights);
    expect([...x.subarray(0, 20)]).toEqual([...x.subarray(40, 60)]);
    expect([...x.subarray(0, 20)]).not.toEqual([...x.subarray(20, 40)]);
  });
});
