import fc from 'fast-check';
import { expect, it } from 'vitest';
import { headNorm as reference } from '../../reference/head_norm.ts';
import { randomTensor, seeds } from '../../testing/arbitrary.ts';
import { ATTENTION_SHAPES, qkvWidth } from '../../testing/kernels/attention-cases.ts';
import { sumBound } from '../../testing/kernels/bounds.ts';
import { expectClose } from '../../testing/close.ts';
import { describeGpu } from '../../testing/kernels/device.ts';
import { headNorm, headNormKernel } from './head_norm.ts';

const EPS = 1e-6;

describeGpu(headNormKernel, (gpu) => {
  it.each(['head', 'width'] as const)('is the reference for any shape over each %s, and leaves v', async (over) => {
    await fc.assert(
      fc.asyncProperty(
        seeds(),
        fc.constantFrom(...ATTENTION_SHAPES),
        fc.integer({ min: 1, max: 5 }),
        async (seed, dims, T) => {
          const { heads, kvHeads, headDim } = dims;
          const qkv = randomTensor(seed, T * qkvWidth(dims));
          const weight = randomTensor(seed + 1, over === 'head' ? 2 * headDim : (heads + kvHeads) * headDim);
          const y = gpu().output(qkv);
          const buffers = { weight: gpu().input(weight), y };
          await gpu().run(headNorm(gpu().features, 'test', buffers, dims, { over, eps: EPS }), { tokens: T });
          const actual = await gpu().read(y);
          const expected = reference(qkv, weight, { heads, kvHeads, headDim, over }, EPS);
          // All terms of a mean are positive: its relative error is that of a sum. Behind it come three products.
          expectClose(actual, expected, { rel: sumBound(heads * headDim), abs: 1e-30 });
          const inV = (i: number) => i % qkvWidth(dims) >= (heads + kvHeads) * headDim;
          expect(actual.filter((_, i) => inV(i))).toEqual(qkv.filter((_, i) => inV(i)));
        },
      ),
      { numRuns: 12 },
    );
  });

  it('keeps zeros, and norms each head alone', async () => {
    const dims = ATTENTION_SHAPES[1]!;
    const qkv = randomTensor(1, qkvWidth(dims));
    qkv.fill(0, 0, dims.headDim);
    qkv.fill(1e6, dims.headDim, 2 * dims.headDim);
    const y = gpu().output(qkv);
    const buffers = { weight: gpu().input(new Float32Array(2 * dims.headDim).fill(1)), y };
    await gpu().run(headNorm(gpu().features, 'test', buffers, dims, { over: 'head', eps: EPS }), { tokens: 1 });
    const actual = await gpu().read(y);
    expect(actual.subarray(0, dims.headDim).every((value) => value === 0)).toBe(true);
    expectClose(actual.subarray(dims.headDim, 2 * dims.headDim), new Float32Array(dims.headDim).fill(1), {
      rel: 1e-6,
    });
  });
});
