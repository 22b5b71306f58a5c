import { it } from 'vitest';
import { rmsNorm } from '../../reference/rms_norm.ts';
import { randomTensor } from '../../testing/arbitrary.ts';
import { sumBound } from '../../testing/bounds.ts';
import { expectClose } from '../../testing/close.ts';
import { describeGpu } from '../../testing/device.ts';
import { beside } from '../../testing/mamba1-cases.ts';
import { rmsNormSplit, rmsNormSplitKernel } from './rms_norm_split.ts';

const EPS = 1e-6;

describeGpu(rmsNormSplitKernel, (gpu) => {
  async function expectReference(
    parts: readonly [Float32Array, Float32Array, Float32Array],
    dtRank: number,
    N: number,
  ) {
    const [delta, b, c] = parts;
    const tokens = b.length / N;
    const x = beside(delta, dtRank, beside(b, N, c, N), 2 * N);
    const actual = { delta: gpu().output(tokens * dtRank), bc: gpu().output(2 * tokens * N) };
    const dims = { inner: 0, dtRank, stateSize: N };
    await gpu().run(rmsNormSplit(gpu().features, 'test', { x: gpu().input(x), ...actual }, dims, { eps: EPS }), {
      tokens,
    });
    const normed = (values: Float32Array, width: number) => rmsNorm(values, new Float32Array(width).fill(1), EPS);
    // Half the error of the sum of squares, and that of inverseSqrt and two products.
    const close = (width: number) => ({ rel: sumBound(width) });
    expectClose(await gpu().read(actual.delta), normed(delta, dtRank), close(dtRank), 'delta');
    const bc = beside(Float32Array.from(normed(b, N)), N, Float32Array.from(normed(c, N)), N);
    expectClose(await gpu().read(actual.bc), bc, close(N), 'b and c');
  }

  it('is the norm of each part for itself, for any width and length', async () => {
    for (const [dtRank, N] of [
      [8, 16],
      [256, 16],
      [4, 4],
      [12, 260],
      [516, 20],
    ] as const) {
      for (const tokens of [1, 2, 5]) {
        const part = (index: number, width: number, scale: number) =>
          randomTensor(10 * tokens + index, tokens * width, scale);
        await expectReference([part(1, dtRank, 1), part(2, N, 30), part(3, N, 1e-3)], dtRank, N);
      }
    }
  });

  it('holds at large magnitudes and at zeros', async () => {
    for (const scale of [0, 1e-10, 1e15]) {
      await expectReference([randomTensor(1, 24, scale), randomTensor(2, 48, scale), randomTensor(3, 48)], 8, 16);
    }
  });
});
