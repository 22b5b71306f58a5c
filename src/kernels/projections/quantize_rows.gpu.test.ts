import fc from 'fast-check';
import { expect, it } from 'vitest';
import { readBuffer } from '../../gpu/buffers.ts';
import { QUANTIZED_GROUP, quantizeRows as reference } from '../../reference/quantize_rows.ts';
import { randomTensor, seeds, sizes } from '../../testing/arbitrary.ts';
import { sumBound } from '../../testing/kernels/bounds.ts';
import { expectClose } from '../../testing/close.ts';
import { describeGpu } from '../../testing/kernels/device.ts';
import { randomSquares, roundedOutputs } from '../../testing/kernels/rounded-columns.ts';
import { slotInputs } from '../../testing/kernels/slot-ranges.ts';
import { spanOf, strideOf } from '../shared/slots.ts';
import { type Digits, quantizeRows, quantizeRowsKernel, quantizeVectors } from './quantize_rows.ts';

const EPS = 1e-5;

describeGpu(quantizeRowsKernel, (gpu) => {
  async function run(x: Float32Array, columns: number) {
    const tokens = x.length / columns;
    const to = roundedOutputs(gpu(), columns, tokens, 1);
    await gpu().run(quantizeRows(gpu().features, 'test', gpu().input(x), to, columns), { tokens });
    return read(to, columns, tokens, 1);
  }

  /** Rows that do not lie one after the other, in so many digits; with `seed` on their way out of a norm. */
  async function runApart(x: Float32Array, columns: number, digits: Digits, seed?: number) {
    const rows = x.length / columns;
    const ranges = slotInputs(
      gpu(),
      Array.from({ length: rows }, (_, row) => x.slice(row * columns, (row + 1) * columns)),
    );
    const to = roundedOutputs(gpu(), columns, rows, digits);
    const { squares, divisors } = randomSquares(gpu(), seed ?? 0, columns, rows, EPS);
    const [squares4, stride4] = [Math.ceil(columns / 16), strideOf(squares, 16)!];
    const norm = seed === undefined ? null : { squares: spanOf(squares), squares4, stride4, eps: EPS };
    const vectors = { x: spanOf(ranges), stride4: strideOf(ranges, 16)!, columns, rows, norm };
    await gpu().run(quantizeVectors(gpu().features, 'test', vectors, to, digits), { tokens: 1 });
    return { ...(await read(to, columns, rows, digits)), divisors };
  }

  async function read(
    { x: y, x_scale }: ReturnType<typeof roundedOutputs>,
    columns: number,
    tokens: number,
    digits: Digits,
  ) {
    const pitch = Math.ceil(columns / 16) * 16;
    const bytes = new Int8Array(await readBuffer(gpu().gpu.device, y)).subarray(0, tokens * digits * pitch);
    // Checks that nothing was written behind the rows; the words are no numbers to look at.
    await gpu().read(y);
    const numbers = Float64Array.from({ length: tokens * pitch }, (_, index) => {
      const at = Math.floor(index / pitch) * digits * pitch + (index % pitch);
      return digits === 1 ? bytes[at]! : 256 * bytes[at]! + bytes[at + pitch]!;
    });
    return { numbers, scales: await gpu().read(x_scale), pitch };
  }

  async function expectReference(x: Float32Array, columns: number, apart?: Digits): Promise<void> {
    const { numbers, scales, pitch } = apart ? await runApart(x, columns, apart) : await run(x, columns);
    const expected = reference(x, columns, apart);
    expectClose(scales, expected.scales, { rel: 2 ** -21 });
    const groups = expected.scales.length / (x.length / columns);
    // Where an error of f32 decides between two, it may be the one that is not nearest.
    const slack = apart === 2 ? 0.02 : 1e-4;
    for (let index = 0; index < numbers.length; index++) {
      const [t, c] = [Math.floor(index / pitch), index % pitch];
      const scale = expected.scales[t * groups + Math.floor(c / QUANTIZED_GROUP)]!;
      const exact = c < columns && scale > 0 ? x[t * columns + c]! / scale : 0;
      if (!(Math.abs(numbers[index]! - exact) <= 0.5 + slack)) {
        expect.fail(`row ${t}, column ${c} is ${numbers[index]} instead of ${exact}`);
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

  it.each([1, 2] as const)('is the reference of %i digits for rows that lie apart', async (digits) => {
    await fc.assert(
      fc.asyncProperty(seeds(), sizes({ tile: 8, most: 17 }), sizes({ tile: 32, most: 300 }), async (seed, T, C4) => {
        await expectReference(randomTensor(seed, T * C4 * 4), C4 * 4, digits);
      }),
      { numRuns: 10 },
    );
    for (const scale of [0, 1e-25, 1e4, 1e35]) await expectReference(randomTensor(4, 5 * 260, scale), 260, digits);
  });

  it.each([1, 2] as const)('divides the scales of %i digits by the norm', async (digits) => {
    const shapes = [seeds(), sizes({ tile: 8, most: 17 }), sizes({ tile: 64, most: 300 })] as const;
    const property = fc.asyncProperty(...shapes, async (seed, rows, C4) => {
      const x = randomTensor(seed, rows * C4 * 4);
      const plain = await runApart(x, C4 * 4, digits);
      const normed = await runApart(x, C4 * 4, digits, seed);
      expect(normed.numbers).toEqual(plain.numbers);
      const groups = plain.scales.length / rows;
      const expected = Float64Array.from(
        plain.scales,
        (scale, at) => scale / normed.divisors[Math.floor(at / groups)]!,
      );
      expectClose(normed.scales, expected, { rel: sumBound(C4) });
    });
    await fc.assert(property, { numRuns: 10 });
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
    const { numbers, scales } = await run(x, 256);
    expect([...numbers].every((value) => value === 127)).toBe(true);
    expect(scales[1]! / scales[0]!).toBeCloseTo(1000, 2);
  });
});
