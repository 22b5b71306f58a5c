import { it } from 'vitest';
import { gated } from '../../reference/activation.ts';
import { geglu as reference } from '../../reference/geglu.ts';
import { gelu } from '../../reference/gelu.ts';
import { randomTensor } from '../../testing/arbitrary.ts';
import { expBound } from '../../testing/kernels/bounds.ts';
import { expectClose } from '../../testing/close.ts';
import { describeGpu } from '../../testing/kernels/device.ts';
import { geglu, gegluKernel } from './geglu.ts';

describeGpu(gegluKernel, (gpu) => {
  async function expectReference(u: Float32Array, columns: number): Promise<void> {
    const y = gpu().output(u.length / 2);
    const tokens = u.length / 2 / columns;
    await gpu().run(geglu(gpu().features, 'test', { u: gpu().input(u), y }, { columns }), { tokens });
    // Near zero a polynomial, and some roundings; elsewhere the exponential of -x^2 / 2, the polynomial before it, good to
    // 3e-7, and denormals, which may be flushed.
    const abs = Float64Array.from({ length: u.length / 2 }, (_, f) => {
      const [gate, up] = [u[2 * f]!, u[2 * f + 1]!];
      if (Math.abs(gate) < 0.98) return Math.abs(gate * up) * 2.2e-7;
      return Math.abs(gelu(gate) * up) * (6e-7 + 2 * expBound(Math.min(gate, 0) ** 2 / 2)) + 1e-36 * Math.abs(up);
    });
    expectClose(await gpu().read(y), reference(u), { abs });
  }

  it.each(['silu', 'gelu_tanh', 'relu2'] as const)('is the reference with %s', async (activation) => {
    const u = Float32Array.from({ length: 4000 }, (_, i) => (i % 2 === 0 ? (i / 2 - 1000) / 60 : 3));
    u.set([-1e3, 1, 1e9, 1, 0, 5, -0, 5]);
    const y = gpu().output(2000);
    await gpu().run(geglu(gpu().features, 'test', { u: gpu().input(u), y }, { columns: 2000, activation }), {
      tokens: 1,
    });
    // A few roundings, and those of an exponential whose argument is at most 87, and below zero the square of that much less.
    expectClose(await gpu().read(y), gated(u, activation), { rel: 2 ** -15, abs: 1e-15 });
  });

  it('is the reference for any width and length', async () => {
    for (const columns of [2, 4, 126, 128, 130]) {
      for (const tokens of [1, 3]) await expectReference(randomTensor(columns, 2 * tokens * columns, 2), columns);
    }
  });

  it('holds everywhere from far below zero to far above', async () => {
    // Gates from -16.7 to 16.7, ups of 3.
    const u = Float32Array.from({ length: 4000 }, (_, i) => (i % 2 === 0 ? (i / 2 - 1000) / 60 : 3));
    await expectReference(u, 2000);
    await expectReference(Float32Array.of(-1e30, 1, 1e30, 1, 0, 5, -0, 5), 4);
  });
});
