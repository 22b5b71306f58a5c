import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeF8 } from './half.ts';
import { matrixBytes, rowBytes } from './layout.ts';
import { dequantizeMatrix, type QuantizedRows, quantizeRows } from './quantize.ts';
import type { Scheme } from './types.ts';

/** The whole matrix of the layout, from its rows. */
function assemble(scheme: Scheme, { bytes, scales }: QuantizedRows, rows: number, columns: number): Uint8Array {
  const matrix = new Uint8Array(matrixBytes(scheme, rows, columns));
  matrix.set(bytes);
  matrix.set(new Uint8Array(scales.buffer), bytes.length);
  return matrix;
}

/** A row whose scale would be below the smallest normal f32 becomes zeros: this is what may be lost. */
const FLUSHED = 448 * 2 ** -126;
const float = fc.float({ min: -100, max: 100, noNaN: true });
const matrices = fc
  .record({ rows: fc.integer({ min: 1, max: 5 }), columns: fc.integer({ min: 1, max: 37 }) })
  .chain(({ rows, columns }) =>
    fc.record({
      rows: fc.constant(rows),
      columns: fc.constant(columns),
      values: fc
        .array(float, { minLength: rows * columns, maxLength: rows * columns })
        .map((v) => Float32Array.from(v)),
    }),
  );

function roundTrip(scheme: Scheme, values: Float32Array, rows: number, columns: number): Float32Array {
  const quantized = quantizeRows(scheme, values, columns, { name: 'x' });
  return dequantizeMatrix(scheme, assemble(scheme, quantized, rows, columns), rows, columns);
}

describe('quantizeRows', () => {
  it('keeps f32 as it is', () => {
    fc.assert(
      fc.property(matrices, ({ rows, columns, values }) => {
        expect(roundTrip('f32', values, rows, columns)).toEqual(values);
      }),
    );
  });

  it('is within half a step of int8, and uses the whole range', () => {
    fc.assert(
      fc.property(matrices, ({ rows, columns, values }) => {
        const back = roundTrip('int8', values, rows, columns);
        for (let row = 0; row < rows; row++) {
          const range = Array.from(values.subarray(row * columns, (row + 1) * columns), Math.abs);
          const step = Math.max(...range) / 127;
          for (let column = 0; column < columns; column++) {
            const i = row * columns + column;
            // Half a step, and the rounding of scale and product to f32.
            expect(Math.abs((back[i] as number) - (values[i] as number))).toBeLessThanOrEqual(step * 0.50002 + FLUSHED);
          }
        }
      }),
    );
  });

  it.each<[Scheme, number]>([
    ['f16', 2 ** -11],
    ['fp8', 2 ** -4],
  ])('keeps %s within half a step of the mantissa', (scheme, relative) => {
    fc.assert(
      fc.property(matrices, ({ rows, columns, values }) => {
        const back = roundTrip(scheme, values, rows, columns);
        for (let row = 0; row < rows; row++) {
          const range = values.subarray(row * columns, (row + 1) * columns);
          const largest = Math.max(...range.map(Math.abs));
          // Below the smallest normal number steps are constant: 2^-24 for f16, 2^-9 of the scale for fp8.
          const floor = scheme === 'f16' ? 2 ** -25 : (largest / 448) * 2 ** -10;
          range.forEach((value, column) => {
            const error = Math.abs((back[row * columns + column] as number) - value);
            expect(error).toBeLessThanOrEqual(Math.max(Math.abs(value) * relative, floor) * 1.00001 + FLUSHED);
          });
        }
      }),
    );
  });

  it('rounds int8 to nearest, ties to even, with a scale of a 127th', () => {
    const { bytes, scales } = quantizeRows('int8', Float32Array.of(127, 0.5, 1.5, 2.5, -0.5, -1.5, -127), 7, {
      name: 'x',
    });
    expect([...scales]).toEqual([1]);
    expect([...new Int8Array(bytes.buffer)]).toEqual([127, 0, 2, 2, 0, -2, -127, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
  });

  it('puts the largest weight of an fp8 row at 448', () => {
    const { bytes, scales } = quantizeRows('fp8', Float32Array.of(-8.96, 4.48), 2, { name: 'x' });
    expect([decodeF8(bytes[0] as number), decodeF8(bytes[1] as number)]).toEqual([-448, 224]);
    expect(scales[0]).toBe(Math.fround(Math.fround(8.96) / 448));
  });

  it.each<Scheme>(['int8', 'fp8'])('stores rows of zeros and of subnormal numbers as zeros in %s', (scheme) => {
    const values = Float32Array.of(0, 0, 1e-40, -1e-40, 1, -1);
    const { bytes, scales } = quantizeRows(scheme, values, 2, { name: 'x' });
    expect([...scales.subarray(0, 2)]).toEqual([0, 0]);
    expect(bytes.subarray(0, 2 * rowBytes(scheme, 2)).every((byte) => byte === 0)).toBe(true);
    expect([...roundTrip(scheme, values, 3, 2)]).toEqual([0, 0, 0, 0, 1, -1]);
  });

  it('refuses weights beyond f16, and names the way out', () => {
    const options = { name: 'blocks.0.down', firstRow: 10 };
    expect(() => quantizeRows('f16', Float32Array.of(1, 65504), 1, options)).not.toThrow();
    expect(() => quantizeRows('f16', Float32Array.of(1, -65505), 1, options)).toThrow(
      /blocks\.0\.down has a weight of magnitude 65505 in row 11.*int8, fp8 or f32/,
    );
  });

  it.each<Scheme>(['f32', 'f16', 'int8', 'fp8'])('refuses weights that are no numbers in %s', (scheme) => {
    for (const bad of [NaN, Infinity, -Infinity]) {
      for (const row of [
        [bad, 1, 2],
        [1, bad, 2],
        [1, 2, bad],
      ]) {
        expect(() => quantizeRows(scheme, Float32Array.from(row), 3, { name: 'x' })).toThrow(/not a finite number/);
      }
    }
  });

  it('insists on a whole matrix to dequantize', () => {
    expect(() => dequantizeMatrix('int8', new Uint8Array(16), 1, 4)).toThrow(/takes 32 bytes, not 16/);
  });
});
