import fc from 'fast-check';
import { expect, it } from 'vitest';
import { decodeCache, encodeCache } from '../../reference/kv_cache.ts';
import { randomTensor, seeds, sizes } from '../../testing/arbitrary.ts';
import { expectClose } from '../../testing/close.ts';
import { describeGpu } from '../../testing/kernels/device.ts';
import { packF16, packF16Kernel } from './pack_f16.ts';

describeGpu(packF16Kernel, (gpu) => {
  async function packed(x: Float32Array): Promise<Float32Array> {
    const output = gpu().output(x.length / 2);
    const buffers = { x: gpu().input(x), packed_x: output };
    await gpu().run(packF16(gpu().features, 'test', buffers, x.length), { tokens: 1 });
    const { buffer, byteOffset, length } = await gpu().read(output);
    return decodeCache('f16', new Uint32Array(buffer, byteOffset, length), x.length);
  }

  it('is the reference within a step, for any size and magnitude', async () => {
    const sizesAndScales = fc.tuple(sizes({ tile: 256, most: 600 }), fc.constantFrom(1, 1e-6, 1e3));
    await fc.assert(
      fc.asyncProperty(seeds(), sizesAndScales, async (seed, [fours, scale]) => {
        const x = randomTensor(seed, 4 * fours, scale);
        const expected = decodeCache('f16', encodeCache('f16', x, x.length), x.length);
        // It may round either way, and flush what is below the normal numbers.
        expectClose(await packed(x), expected, { rel: 2 ** -10, abs: 2 ** -14 });
      }),
      { numRuns: 20 },
    );
  });

  it('keeps what f16 has exactly, and makes what is too large its largest', async () => {
    const x = Float32Array.of(0, 1, -2.5, 65_504, 7e4, -1e30, 2 ** -14, -0.333251953125);
    const expected = [0, 1, -2.5, 65_504, 65_504, -65_504, 2 ** -14, -0.333251953125];
    expect([...(await packed(x))]).toEqual(expected);
  });
});
