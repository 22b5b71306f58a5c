import { expect, it } from 'vitest';
import { l2Norm } from '../../reference/gated_delta.ts';
import { randomTensor } from '../../testing/arbitrary.ts';
import { sumBound } from '../../testing/kernels/bounds.ts';
import { expectClose } from '../../testing/close.ts';
import { DELTA_SHAPES } from '../../testing/kernels/delta-cases.ts';
import { describeGpu } from '../../testing/kernels/device.ts';
import { deltaQkNorm, deltaQkNormKernel } from './delta_qk_norm.ts';
import { type DeltaDims, deltaWidths } from './delta-shape.ts';

describeGpu(deltaQkNormKernel, (gpu) => {
  async function expectReference(v: Float32Array, dims: DeltaDims): Promise<void> {
    const { keys, channels } = deltaWidths(dims);
    const out = gpu().output(v);
    const tokens = v.length / channels;
    await gpu().run(deltaQkNorm(gpu().features, 'test', { v: out }, dims), { tokens });
    const actual = await gpu().read(out);
    const bound = { rel: sumBound(dims.keyDim) };
    for (let t = 0; t < tokens; t++) {
      const row = v.subarray(t * channels, (t + 1) * channels);
      const found = actual.subarray(t * channels, (t + 1) * channels);
      const queries = l2Norm(row.subarray(0, keys), dims.keyDim, 1 / Math.sqrt(dims.keyDim));
      expectClose(found.subarray(0, keys), queries, bound, 'queries');
      expectClose(found.subarray(keys, 2 * keys), l2Norm(row.subarray(keys, 2 * keys), dims.keyDim), bound, 'keys');
      expect(found.subarray(2 * keys)).toEqual(row.subarray(2 * keys));
    }
  }

  it.each(DELTA_SHAPES)(
    'is the reference for $keyHeads keys of $keyDim, and leaves values as they are',
    async (dims) => {
      for (const tokens of [1, 5])
        await expectReference(randomTensor(tokens, tokens * deltaWidths(dims).channels), dims);
    },
  );

  it('holds at large magnitudes and at zeros', async () => {
    const dims = DELTA_SHAPES[0]!;
    for (const scale of [0, 1e-8, 1e15])
      await expectReference(randomTensor(1, deltaWidths(dims).channels, scale), dims);
  });
});
