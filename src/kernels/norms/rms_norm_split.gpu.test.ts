import { it } from 'vitest';
import { rmsNorm } from '../../reference/rms_norm.ts';
import { randomTensor } from '../../testing/arbitrary.ts';
import { sumBound } from '../../testing/kernels/bounds.ts';
import { expectClose } from '../../testing/close.ts';
import { describeGpu } from '../../testing/kernels/device.ts';
import { beside } from '../../testing/kernels/mamba1-cases.ts';
import type { Mamba1Norm } from '../mamba1/mamba1-shape.ts';
import { rmsNormSplit, rmsNormSplitKernel } from './rms_norm_split.ts';

const EPS = 1e-6;

describeGpu(rmsNormSplitKernel, (gpu) => {
  /** Parts of `rank`, of which `dtRank` columns count, and of N twice. */
  async function expectReference(
    parts: readonly [Float32Array, Float32Array, Float32Array],
    { dtRank, N }: { dtRank: number; N: number },
    norm: Mamba1Norm = 'plain',
  ) {
    const [delta, b, c] = parts;
    const rank = 4 * Math.ceil(dtRank / 4);
    const tokens = b.length / N;
    const x = beside(delta, rank, beside(b, N, c, N), 2 * N);
    const weight = norm === 'weighted' ? randomTensor(77, rank + 2 * N) : new Float32Array(rank + 2 * N).fill(NaN);
    const actual = { delta: gpu().output(tokens * rank), bc: gpu().output(2 * tokens * N) };
    const dims = { inner: 0, dtRank, stateSize: N, heads: 1 };
    const buffers = { x: gpu().input(x), weight: gpu().input(weight), ...actual };
    await gpu().run(rmsNormSplit(gpu().features, 'test', buffers, dims, { norm, eps: EPS }), { tokens });
    const normed = (values: ArrayLike<number>, width: number, first: number) => {
      if (norm === 'none') return values;
      const own = norm === 'weighted' ? weight.subarray(first, first + width) : new Float32Array(width).fill(1);
      return rmsNorm(values, own, EPS);
    };
    // Half the error of the sum of squares, and that of inverseSqrt and three products.
    const close = (width: number) => ({ rel: norm === 'none' ? 0 : sumBound(width) });
    const counted = (_: number, index: number) => index % rank < dtRank;
    const found = (await gpu().read(actual.delta)).filter(counted);
    expectClose(found, normed(delta.filter(counted), dtRank, 0), close(dtRank), 'delta');
    const [nb, nc] = [normed(b, N, rank), normed(c, N, rank + N)].map((values) => Float32Array.from(values));
    expectClose(await gpu().read(actual.bc), beside(nb!, N, nc!, N), close(N), 'b and c');
  }

  it('is the norm of each part for itself, for any width and length', async () => {
    for (const [dtRank, N] of [
      [8, 16],
      [256, 16],
      [6, 4],
      [12, 260],
      [515, 20],
    ] as const) {
      for (const tokens of [1, 2, 5]) {
        const part = (index: number, width: number, scale: number) =>
          randomTensor(10 * tokens + index, tokens * width, scale);
        const rank = 4 * Math.ceil(dtRank / 4);
        await expectReference([part(1, rank, 1), part(2, N, 30), part(3, N, 1e-3)], { dtRank, N });
      }
    }
  });

  it.each<Mamba1Norm>(['none', 'weighted'])('takes norms of the kind %s', async (norm) => {
    const part = (seed: number, width: number) => randomTensor(seed, 3 * width);
    await expectReference([part(1, 8), part(2, 16), part(3, 16)], { dtRank: 6, N: 16 }, norm);
  });

  it('holds at large magnitudes and at zeros', async () => {
    for (const scale of [0, 1e-10, 1e15]) {
      const parts = [randomTensor(1, 24, scale), randomTensor(2, 48, scale), randomTensor(3, 48)] as const;
      await expectReference(parts, { dtRank: 8, N: 16 });
    }
  });
});
