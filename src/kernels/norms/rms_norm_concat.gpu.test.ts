import { expect, it } from 'vitest';
import { rmsNorm } from '../../reference/rms_norm.ts';
import { randomTensor } from '../../testing/arbitrary.ts';
import { sumBound } from '../../testing/kernels/bounds.ts';
import { expectClose } from '../../testing/close.ts';
import { describeGpu } from '../../testing/kernels/device.ts';
import { beside } from '../../testing/kernels/mamba1-cases.ts';
import { rmsNormConcat, rmsNormConcatKernel } from './rms_norm_concat.ts';

const EPS = 1e-5;

describeGpu(rmsNormConcatKernel, (gpu) => {
  it('norms both as one and copies the first, for any width and length and at any magnitude', async () => {
    for (const [columns, scale] of [
      [4, 1],
      [128, 1],
      [508, 10],
      [516, 1e15],
      [64, 0],
    ] as const) {
      for (const tokens of [1, 3]) {
        const x = randomTensor(columns + tokens, tokens * columns, scale);
        const e = randomTensor(columns + tokens + 1, tokens * columns);
        const weight = randomTensor(3, 2 * columns);
        const [y, copied] = [gpu().output(2 * x.length), gpu().output(x.length)];
        const buffers = { x: gpu().input(x), e: gpu().input(e), weight: gpu().input(weight), y, copied };
        await gpu().run(rmsNormConcat(gpu().features, 'test', buffers, { columns, eps: EPS }), { tokens });
        const expected = rmsNorm(beside(x, columns, e, columns), weight, EPS);
        expectClose(await gpu().read(y), expected, { rel: sumBound(2 * columns), abs: 1e-37 });
        expect(await gpu().read(copied)).toEqual(x);
      }
    }
  });
});
