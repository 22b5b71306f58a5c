import fc from 'fast-check';
import { expect, it } from 'vitest';
import { readBuffer } from '../../gpu/buffers.ts';
import { quantizeRowsInt16 as reference } from '../../reference/quantize_rows_int16.ts';
import { randomTensor, seeds, sizes } from '../../testing/arbitrary.ts';
import { expectClose } from '../../testing/close.ts';
import { describeGpu } from '../../testing/kernels/device.ts';
import { quantizedRowInt16Sizes, quantizeRowsInt16, quantizeRowsInt16Kernel } from './quantize_rows_int16.ts';

describeGpu(quantizeRowsInt16Kernel, (gpu) => {
  async function run(x: Float32Array, columns: number) {
    const tokens = x.length / columns;
    const { words } = quantizedRowInt16Sizes(columns);
    const [y, x_scale] = [gpu().output(tokens * words), gpu().output(tokens)];
    await gpu().run(quantizeRowsInt16(gpu().features, 'test', gpu().input(x), { x: y, x_scale }, columns), { tokens });
    const bytes = new Int8Array(await readBuffer(gpu().gpu.device, y)).subarray(0, tokens * words * 4);
    // Checks that nothing was written behind the rows; the words are no numbers to look at.
    await gpu().read(y);
    const pitch = words * 2;
    const stored = (t: number, c: number) => 256 * bytes[2 * t * pitch + c]! + bytes[(2 * t + 1) * pitch + c]!;
    return { stored, pitch, scales: await gpu().read(x_scale) };
  }

  async function expectReference(x: Float32Array, columns: number): Promise<void> {
    const { stored, pitch, scales } = await run(x, columns);
    const expected = reference(x, columns);
    expectClose(scales, expected.scales, { rel: 2 ** -21 });
    for (const [t, scale] of expected.scales.entries()) {
      for (let c = 0; c < pitch; c++) {
        const exact = c < columns && scale > 0 ? x[t * columns + c]! / scale : 0;
        // The nearest integer, but where an error of f32 decides between two: of 2^15, some of its last bits.
        if (!(Math.abs(stored(t, c) - exact) <= 0.5 + 2 ** -6)) {
          expect.fail(`row ${t}, column ${c} is ${stored(t, c)} instead of ${exact}`);
        }
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
    for (const scale of [1e-25, 1e-3, 1e4, 1e33]) await expectReference(randomTensor(4, 5 * 260, scale), 260);
  });

  it('uses all of both digits, for either sign', async () => {
    const x = Float32Array.from({ length: 64 }, (_, c) => [32_639, -32_639, 127, 128, -128, -129, 129, 0][c % 8]!);
    const { stored } = await run(x, 64);
    expect(Array.from(x, (_, c) => stored(0, c))).toEqual([...x]);
  });
});
