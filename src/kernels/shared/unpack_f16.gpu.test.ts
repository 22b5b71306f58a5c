import { expect, it } from 'vitest';
import { decodeCache } from '../../reference/kv_cache.ts';
import { describeGpu } from '../../testing/kernels/device.ts';
import { unpackF16, unpackF16Kernel } from './unpack_f16.ts';

describeGpu(unpackF16Kernel, (gpu) => {
  it.each([4, 1020, 1024, 1028, 63_488])('gives every number that f16 has, %d of them', async (elements) => {
    // All codes but infinities and NaN: exponents below 31.
    const codes = Uint16Array.from({ length: elements }, (_, i) => (i < 31_744 ? i : i + 1024));
    const words = new Uint32Array(codes.buffer);
    const x = gpu().output(elements);
    await gpu().run(unpackF16(gpu().features, 'test', { packed_x: gpu().input(words), x }, elements), { tokens: 1 });
    // Subnormal numbers may be flushed.
    const flushed = (value: number) => (Math.abs(value) < 2 ** -14 ? 0 : value);
    const expected = decodeCache('f16', words, elements);
    const found = await gpu().read(x);
    expect(found.map(flushed)).toEqual(expected.map(flushed));
  });
});
