import { it } from 'vitest';
import { rmsNorm } from '../../reference/rms_norm.ts';
import { silu } from '../../reference/silu.ts';
import { randomTensor } from '../../testing/arbitrary.ts';
import { expBound, sumBound } from '../../testing/kernels/bounds.ts';
import { expectClose } from '../../testing/close.ts';
import { describeGpu } from '../../testing/kernels/device.ts';
import { rmsNormGate, rmsNormGateKernel } from './rms_norm_gate.ts';

const EPS = 1e-6;

describeGpu(rmsNormGateKernel, (gpu) => {
  async function expectReference(
    y: Float32Array,
    u: Float32Array,
    { dim, heads, stride, largest }: { dim: number; heads: number; stride: number; largest: number },
  ) {
    const weight = randomTensor(99, dim);
    const out = gpu().output(y.length);
    const tokens = u.length / stride;
    const buffers = { y: gpu().input(y), u: gpu().input(u), weight: gpu().input(weight), out };
    await gpu().run(rmsNormGate(gpu().features, 'test', buffers, { dim, heads, stride, eps: EPS }), { tokens });
    const z = u.filter((_, index) => index % stride < dim * heads);
    const expected = rmsNorm(y, weight, EPS).map((value, index) => value * silu(z[index]!));
    // A gate of -1000 closes to zero in f64 and to 1e-35 in f32.
    expectClose(await gpu().read(out), expected, { rel: sumBound(dim) + 2 * expBound(largest), abs: 1e-30 });
  }

  it('norms each head for itself, and gates it, for any shape and stride of u', async () => {
    for (const [dim, heads, behind] of [
      [16, 4, 3],
      [24, 1, 0],
      [128, 2, 8],
      [260, 3, 1],
    ] as const) {
      for (const tokens of [1, 2, 5]) {
        const stride = dim * heads + behind;
        const y = randomTensor(tokens, tokens * dim * heads, 10);
        await expectReference(y, randomTensor(tokens + 9, tokens * stride), { dim, heads, stride, largest: 6 });
      }
    }
  });

  it('holds at large magnitudes, at zeros, and where gates are far from zero', async () => {
    const shape = { dim: 16, heads: 2, stride: 40, largest: 87 };
    for (const scale of [0, 1e-10, 1e15]) {
      await expectReference(randomTensor(1, 64, scale), randomTensor(2, 80, 1e3), shape);
    }
  });
});
