import fc from 'fast-check';
import { expect, it } from 'vitest';
import { readBuffer } from '../../gpu/buffers.ts';
import { QUANTIZED_GROUP, quantizeRows as reference } from '../../reference/quantize_rows.ts';
import { randomTensor, seeds, sizes } from '../../testing/arbitrary.ts';
import { expectClose } from '../../testing/close.ts';
import { describeGpu } from '../../testing/kernels/device.ts';
import { quantizedRowSizes, quantizeRows, quantizeRowsKernel } from './quantize_rows.ts';

describeGpu(quantizeRowsKernel, (gpu) => {
  async function run(x: Float32Array, columns: number) {
    const tokens = x.length / columns;
    const { words, scales } = quantizedRowSizes(columns);
    const [y, x_scale] = [gpu().output(tokens * words), gpu().output(tokens * scales)];
    await gpu().run(quantizeRows(gpu().features, 'test', gpu().input(x), { x: y, x_scale }, columns), { tokens });
    const bytes = new Int8Array(await readBuffer(gpu().gpu.device, y)).subarray(0, tokens * words * 4);
    // Checks that nothing was written behind the rows; the words are no numbers to look at.
    await gpu().read(y);
    return { bytes, scales: await gpu().read(x_scale), pitch: words * 4 };
  }

  async function expectReference(x: Float32Array, columns: number): Promise<void> {
    const { bytes, scales, pitch } = await run(x, columns);
    const expected = reference(x, columns);
    expectClose(scales, expected.scales, { rel: 2 ** -21 });
    const groups = expected.scales.length / (x.length / columns);
    for (let index = 0; index < bytes.length; index++) {
      const [t, c] = [Math.floor(index / pitch), index % pitch];
      const scale = expected.scales[t * groups + Math.floor(c / QUANTIZED_GROUP)]!;
      const exact = c < columns && scale > 0 ? x[t * columns + c]! / scale : 0;
      // The nearest integer, but where an error of f32 decides between two.
      if (!(Math.abs(bytes[index]! - exact) <= 0.5 + 1e-4)) {
        expect.fail(`row ${t}, column ${c} is ${bytes[index]} instead of ${exact}`);
      }
    }
  }

  it('is the reference, whatever the shape', async () => {
    await fc.assert(
      fc.asyncProperty(seeds(), sizes({ tile: 8, most: 17 }), sizes({ tile: 32, most: 300 }), async (seed, T, C4) => {
        await expectReference(randomTensor(seed, T * C4 * 4), C4 * 4);
      }),
      { numRuns: 40 },
    );
  });

  it("is the reference at the width of Bamba-9B's down projection", async () => {
    await expectReference(randomTensor(1, 3 * 14_336), 14_336);
  });

  it('holds at zeros, and at large and small magnitudes', async () => {
    await expectReference(new Float32Array(2 * 256), 256);
    for (const scale of [1e-25, 1e-3, 1e4, 1e35]) await expectReference(randomTensor(4, 5 * 260, scale), 260);
  });

  it('gives each group a scale of its own', async () => {
    const x = new Float32Array(256).fill(1);
    x.fill(1000, 128);
    const { bytes, scales } = await run(x, 256);
    expect([...bytes].every((value) => value === 127)).toBe(true);
    expect(scales[1]! / scales[0]!).toBeCloseTo(1000, 2);
  });
});
