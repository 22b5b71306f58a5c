import fc from 'fast-check';
import { it } from 'vitest';
import { randomTensor, seeds, sizes } from '../../testing/arbitrary.ts';
import { expectClose } from '../../testing/close.ts';
import { DELTA_SHAPES, deltaHeads, deltaInputs, deltaVectors } from '../../testing/kernels/delta-cases.ts';
import { describeGpu } from '../../testing/kernels/device.ts';
import { deltaChunkCumsum, deltaChunkCumsumKernel } from './delta_chunk_cumsum.ts';
import { DELTA_CHUNK as Q, type DeltaDims, deltaWidths } from './delta-shape.ts';

// Integer and fraction of a sum together; exp is good to 3 + 2|x| ulp, softplus to a few.
const CLOSE = { abs: 2e-6, rel: 3e-6 };

describeGpu(deltaChunkCumsumKernel, (gpu) => {
  async function expectReference(u: Float32Array, vectors: ReturnType<typeof deltaVectors>, dims: DeltaDims) {
    const { channels, projected } = deltaWidths(dims);
    const { valueHeads: H } = dims;
    const T = u.length / projected;
    const chunks = Math.ceil(T / Q);
    const decays = gpu().output(chunks * H * Q * 4);
    const buffers = { u: gpu().input(u), heads: gpu().input(deltaHeads(vectors)), decays };
    await gpu().run(deltaChunkCumsum(gpu().features, 'test', buffers, dims), { tokens: T });
    const { beta, g } = deltaInputs(new Float64Array(T * channels), u, vectors, dims);
    const actual = await gpu().read(decays);
    const expected = { beta: [] as number[], sum: [] as number[], left: [] as number[] };
    for (let chunk = 0; chunk < chunks; chunk++) {
      for (let h = 0; h < H; h++) {
        const logs = Array.from({ length: Q }, (_, t) => g[(chunk * Q + t) * H + h] ?? 0);
        const sums = logs.map((_, t) => logs.slice(0, t + 1).reduce((total, log) => total + log, 0));
        expected.beta.push(...logs.map((_, t) => beta[(chunk * Q + t) * H + h] ?? 0));
        expected.sum.push(...sums);
        expected.left.push(...sums.map((sum) => Math.exp(sums[Q - 1]! - sum)));
      }
    }
    const part = (index: number) => Array.from({ length: actual.length / 4 }, (_, i) => actual[4 * i + index]!);
    expectClose(part(0), expected.beta, CLOSE, 'beta');
    const fractions = part(2);
    expectClose(
      part(1).map((whole, i) => whole + fractions[i]!),
      expected.sum,
      CLOSE,
      'sums',
    );
    expectClose(part(3), expected.left, CLOSE, 'what is left');
  }

  it('is the reference for any length', async () => {
    await fc.assert(
      fc.asyncProperty(
        seeds(),
        sizes({ tile: Q, most: 97 }),
        fc.constantFrom(...DELTA_SHAPES),
        async (seed, T, dims) => {
          const vectors = deltaVectors(seed, dims);
          await expectReference(randomTensor(seed + 3, T * deltaWidths(dims).projected), vectors, dims);
        },
      ),
      { numRuns: 20 },
    );
  });

  it('loses no digits of a weak decay beside one of 900', async () => {
    const dims = DELTA_SHAPES[0]!;
    const { projected } = deltaWidths(dims);
    const u = randomTensor(1, 40 * projected, 0.1);
    const vectors = deltaVectors(2, dims);
    vectors.a.fill(-9);
    for (const t of [0, 7, 33]) u.fill(100, t * projected, (t + 1) * projected);
    await expectReference(u, vectors, dims);
  });
});
