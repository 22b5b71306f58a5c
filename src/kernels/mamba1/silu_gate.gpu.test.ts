import fc from 'fast-check';
import { it } from 'vitest';
import { siluGate as reference } from '../../reference/rms_norm_gated.ts';
import { randomTensor, seeds, sizes } from '../../testing/arbitrary.ts';
import { expBound } from '../../testing/kernels/bounds.ts';
import { expectClose } from '../../testing/close.ts';
import { describeGpu } from '../../testing/kernels/device.ts';
import { siluGate, siluGateKernel } from './silu_gate.ts';

describeGpu(siluGateKernel, (gpu) => {
  async function expectReference(y: Float32Array, u: Float32Array, columns: number, stride: number, largest: number) {
    const out = gpu().output(y.length);
    const buffers = { y: gpu().input(y), u: gpu().input(u), out };
    const spec = siluGate(gpu().features, 'test', buffers, { columns, stride });
    await gpu().run(spec, { tokens: y.length / columns });
    const z = u.filter((_, i) => i % stride < columns);
    // A gate of -1000 closes to zero in f64 and to 1e-35 in f32.
    expectClose(await gpu().read(out), reference(y, z), { rel: 2 * expBound(largest), abs: 1e-30 });
  }

  it('is the reference for any shape and stride of u', async () => {
    const shapes = fc.tuple(sizes({ tile: 4, most: 9 }), sizes({ tile: 64, most: 130 }), fc.constantFrom(0, 1, 9));
    await fc.assert(
      fc.asyncProperty(seeds(), shapes, async (seed, [T, columns4, behind]) => {
        const columns = columns4 * 4;
        const stride = columns + behind;
        await expectReference(randomTensor(seed, T * columns), randomTensor(seed + 1, T * stride), columns, stride, 6);
      }),
      { numRuns: 20 },
    );
  });

  it('stays finite where gates are far from zero', async () => {
    await expectReference(randomTensor(1, 64), randomTensor(2, 64, 1e3), 64, 64, 87);
  });
});
