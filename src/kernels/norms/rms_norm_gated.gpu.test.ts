import fc from 'fast-check';
import { expect, it } from 'vitest';
import { rmsNormGated as reference } from '../../reference/rms_norm_gated.ts';
import { randomTensor, seeds, sizes } from '../../testing/arbitrary.ts';
import { expBound, sumBound } from '../../testing/kernels/bounds.ts';
import { expectClose } from '../../testing/close.ts';
import { describeGpu } from '../../testing/kernels/device.ts';
import { rmsNormGated, rmsNormGatedKernel } from './rms_norm_gated.ts';

const EPS = 1e-5;

describeGpu(rmsNormGatedKernel, (gpu) => {
  /** u (T, stride) begins with z in every row. */
  async function run(
    y: Float32Array,
    u: Float32Array,
    weight: Float32Array,
    { stride, groups, gateLast }: { stride: number; groups: number; gateLast?: boolean },
  ) {
    const columns = weight.length;
    const out = gpu().output(y.length);
    const buffers = { y: gpu().input(y), u: gpu().input(u), weight: gpu().input(weight), out };
    const spec = rmsNormGated(gpu().features, 'test', buffers, { columns, stride, groups, eps: EPS, gateLast });
    await gpu().run(spec, { tokens: y.length / columns });
    return gpu().read(out);
  }

  async function expectReference(
    y: Float32Array,
    u: Float32Array,
    columns: number,
    options: { stride: number; groups: number; gateLast?: boolean },
  ) {
    const { stride, groups, gateLast } = options;
    const weight = randomTensor(99, columns);
    const z = u.filter((_, i) => i % stride < columns);
    const expected = reference(y, z, weight, { eps: EPS, groups, gateLast });
    // silu's exponential at the largest |z| of a normal distribution, and the norm's sum of positive terms.
    const rel = 2 * expBound(6) + sumBound(columns / groups);
    expectClose(await run(y, u, weight, options), expected, { rel, abs: 1e-30 });
  }

  it('is the reference for any shape, groups and stride of u, the gate before the norm and behind it', async () => {
    const groupings = fc.constantFrom(1, 2, 4, 5);
    const widths = sizes({ tile: 32, most: 67 });
    await fc.assert(
      fc.asyncProperty(
        seeds(),
        sizes({ tile: 4, most: 9 }),
        widths,
        groupings,
        fc.constantFrom(0, 1, 9),
        fc.boolean(),
        async (seed, T, width4, groups, behind, gateLast) => {
          const columns = width4 * 4 * groups;
          const stride = columns + behind;
          await expectReference(randomTensor(seed, T * columns), randomTensor(seed + 1, T * stride), columns, {
            stride,
            groups,
            gateLast,
          });
        },
      ),
      { numRuns: 40 },
    );
  });

  it("is the reference at Bamba-9B's widths", async () => {
    const stride = 16_768;
    await expectReference(randomTensor(1, 2 * 8192), randomTensor(2, 2 * stride), 8192, { stride, groups: 1 });
  });

  it('keeps zeros, and stays finite where gates are far from zero', async () => {
    const weight = randomTensor(3, 64);
    const z = randomTensor(4, 64, 1e3);
    const zeros = await run(new Float32Array(64), z, weight, { stride: 64, groups: 1 });
    expect([...zeros].every((value) => value === 0)).toBe(true);
    const actual = await run(randomTensor(5, 64), z, weight, { stride: 64, groups: 2 });
    // A gate of -1000 closes to zero in f64 and to 1e-35 in f32.
    expectClose(actual, reference(randomTensor(5, 64), z, weight, { eps: EPS, groups: 2 }), { rel: 1e-5, abs: 1e-30 });
  });
});
