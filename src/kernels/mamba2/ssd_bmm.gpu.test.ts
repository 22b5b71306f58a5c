import fc from 'fast-check';
import { expect, it } from 'vitest';
import { randomTensor, seeds, sizes } from '../../testing/arbitrary.ts';
import { sumBound } from '../../testing/kernels/bounds.ts';
import { expectClose } from '../../testing/close.ts';
import { describeGpu } from '../../testing/kernels/device.ts';
import { MAMBA2_SHAPES } from '../../testing/kernels/mamba2-cases.ts';
import { CHUNK_TOKENS as Q, type Mamba2Dims, mamba2Widths } from './mamba2-shape.ts';
import { ssdBmm, ssdBmmKernel } from './ssd_bmm.ts';

/** C_t . B_s of every chunk and group and every s <= t; `ofMagnitudes` for the sum of their terms' magnitudes. */
function products(v: Float32Array, dims: Mamba2Dims, ofMagnitudes: boolean): Map<number, number> {
  const { inner, channels } = mamba2Widths(dims);
  const { groups: G, stateSize: N } = dims;
  const T = v.length / channels;
  const result = new Map<number, number>();
  for (let t = 0; t < T; t++) {
    const chunk = Math.floor(t / Q);
    for (let s = chunk * Q; s <= t; s++) {
      for (let group = 0; group < G; group++) {
        let sum = 0;
        for (let n = 0; n < N; n++) {
          const c = v[t * channels + inner + (G + group) * N + n]!;
          const product = c * v[s * channels + inner + group * N + n]!;
          sum += ofMagnitudes ? Math.abs(product) : product;
        }
        result.set(((chunk * G + group) * Q + (t % Q)) * Q + (s % Q), sum);
      }
    }
  }
  return result;
}

describeGpu(ssdBmmKernel, (gpu) => {
  it.each(MAMBA2_SHAPES)(
    'is C B^T up to the diagonal and writes nothing else, for H $heads, P $headDim, N $stateSize, G $groups',
    async (dims) => {
      await fc.assert(
        fc.asyncProperty(seeds(), sizes({ tile: Q, most: 2 * Q + 1 }), async (seed, T) => {
          const v = randomTensor(seed, T * mamba2Widths(dims).channels);
          const cb = gpu().output(Math.ceil(T / Q) * dims.groups * Q * Q);
          const untouched = (await gpu().read(cb))[0]!;
          await gpu().run(ssdBmm(gpu().features, 'test', { v: gpu().input(v), cb }, dims), { tokens: T });
          const actual = await gpu().read(cb);
          const expected = products(v, dims, false);
          const bounds = [...products(v, dims, true).values()].map((sum) => sum * sumBound(dims.stateSize));
          const written = Float64Array.from(expected.keys(), (index) => actual[index]!);
          expectClose(written, [...expected.values()], { abs: bounds });
          const stray = actual.findIndex((value, index) => value !== untouched && !expected.has(index));
          expect(stray).toBe(-1);
        }),
        { numRuns: 4 },
      );
    },
  );
});
