import fc from 'fast-check';
import { it } from 'vitest';
import { timeStep } from '../../reference/softplus.ts';
import { ssdDecays } from '../../reference/ssd.ts';
import { randomTensor, seeds, sizes } from '../../testing/arbitrary.ts';
import { expectClose } from '../../testing/close.ts';
import { describeGpu } from '../../testing/kernels/device.ts';
import { MAMBA2_SHAPES, mixerVectors } from '../../testing/kernels/mamba2-cases.ts';
import { CHUNK_TOKENS as Q, type Mamba2Dims, mamba2Widths } from './mamba2-shape.ts';
import { ssdChunkCumsum, ssdChunkCumsumKernel } from './ssd_chunk_cumsum.ts';

// exp and log of f32, and the rounding of up to 64 terms.
const CLOSE = { rel: 2e-6, abs: 1e-30 };
// A sum l is kept with a fraction of 24 bits, of which each of six steps rounds the last.
const LOG = { abs: 3e-6, rel: 2e-6 };

describeGpu(ssdChunkCumsumKernel, (gpu) => {
  async function expectReference(seed: number, T: number, dims: Mamba2Dims, dtRaw: Float32Array): Promise<void> {
    const { inner, channels, projected } = mamba2Widths(dims);
    const { heads } = dims;
    const { dtBias, a } = mixerVectors(seed, dims);
    const u = new Float32Array(T * projected).fill(NaN); // of a row of u only dt is read
    for (let t = 0; t < T; t++) u.set(dtRaw.subarray(t * heads, (t + 1) * heads), t * projected + inner + channels);
    const chunks = Math.ceil(T / Q);
    const decays = gpu().output(chunks * heads * Q * 4);
    const buffers = { u: gpu().input(u), dt_bias: gpu().input(dtBias), a: gpu().input(a), decays };
    await gpu().run(ssdChunkCumsum(gpu().features, 'test', buffers, dims), { tokens: T });
    const actual = await gpu().read(decays);
    const limit = { lo: dims.dtLo, hi: dims.dtHi };
    const dt = Float64Array.from(dtRaw, (value, i) => timeStep(value, dtBias[i % heads]!, limit));
    for (let chunk = 0; chunk < chunks; chunk++) {
      for (let head = 0; head < heads; head++) {
        const length = Math.min(Q, T - chunk * Q);
        const { steps, sums, left } = ssdDecays(dt, a, heads, { head, first: chunk * Q, length });
        const row = actual.subarray((chunk * heads + head) * Q * 4, (chunk * heads + head + 1) * Q * 4);
        const column = (index: number) => Float64Array.from({ length: Q }, (_, t) => row[4 * t + index]!);
        expectClose(column(0).subarray(0, length), steps, CLOSE, 'dt');
        const logs = column(1).map((whole, t) => whole + row[4 * t + 2]!);
        expectClose(
          logs.subarray(0, length),
          sums.map((sum) => Math.max(sum, -1000 * Q)),
          LOG,
          'l',
        );
        // The exponent carries the absolute error of a difference of two sums.
        expectClose(column(3).subarray(0, length), left, { rel: 1e-5, abs: 1e-30 }, 'what is left');
        expectClose(
          [...column(0).subarray(length), ...column(3).subarray(length)],
          new Float64Array(2 * (Q - length)),
          {
            abs: 0,
          },
        );
      }
    }
  }

  it.each([MAMBA2_SHAPES[0]!, MAMBA2_SHAPES[3]!, MAMBA2_SHAPES[8]!])(
    'is the reference for any length, for H $heads, P $headDim, N $stateSize, G $groups',
    async (dims) => {
      await fc.assert(
        fc.asyncProperty(seeds(), sizes({ tile: Q, most: 2 * Q + 1 }), async (seed, T) => {
          await expectReference(seed, T, dims, randomTensor(seed + 9, T * dims.heads));
        }),
        { numRuns: 6 },
      );
    },
  );

  it('keeps dt within its limits', async () => {
    for (const [dtLo, dtHi] of [
      [0.05, 0.1],
      [0.5, 3e38],
      [0, 0.2],
    ] as const) {
      const dims = { ...MAMBA2_SHAPES[1]!, dtLo, dtHi };
      await expectReference(3, 70, dims, randomTensor(4, 70 * dims.heads, 10));
    }
  });
});
