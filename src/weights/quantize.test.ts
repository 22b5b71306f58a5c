import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeF8 } from './half.ts';
import { int4Group } from './int4.ts';
import { INT4_GROUP, matrixBytes, rowBytes, scaleBytesPerRow } from './layout.ts';
import { dequantizeMatrix, type QuantizedRows, quantizeRows } from './quantize.ts';
import type { Scheme } from './types.ts';

/** The whole matrix of the layout, from its rows. */
function assemble(scheme: Scheme, { bytes, scales }: QuantizedRows, rows: number, columns: number): Uint8Array {
  const matrix = new Uint8Array(matrixBytes(scheme, rows, columns));
  matrix.set(bytes);
  matrix.set(scales, bytes.length);
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
    expect([...new Float32Array(scales.buffer)]).toEqual([1]);
    expect([...new Int8Array(bytes.buffer)]).toEqual([127, 0, 2, 2, 0, -2, -127, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
  });

  it('puts the largest weight of an fp8 row at 448', () => {
    const { bytes, scales } = quantizeRows('fp8', Float32Array.of(-8.96, 4.48), 2, { name: 'x' });
    expect([decodeF8(bytes[0] as number), decodeF8(bytes[1] as number)]).toEqual([-448, 224]);
    expect(new Float32Array(scales.buffer)[0]).toBe(Math.fround(Math.fround(8.96) / 448));
  });

  it('rounds fp8 to nearest, every tie to the even code', () => {
    const codes = Array.from({ length: 0x7e }, (_, code) => code);
    const ties = codes.map((code) => (decodeF8(code) + decodeF8(code + 1)) / 2);
    // The largest value makes the scale 1: ties of smaller ones are exact in f32.
    const row = Float32Array.of(448, ...ties, ...ties.map((tie) => -tie));
    const { bytes } = quantizeRows('fp8', row, row.length, { name: 'x' });
    const even = codes.map((code) => code + (code % 2));
    expect([...bytes.subarray(0, row.length)]).toEqual([0x7e, ...even, ...even.map((code) => code | 0x80)]);
  });

  it.each<Scheme>(['int8', 'fp8'])('stores rows of zeros and of subnormal numbers as zeros in %s', (scheme) => {
    const values = Float32Array.of(0, 0, 1e-40, -1e-40, 1, -1);
    const { bytes, scales } = quantizeRows(scheme, values, 2, { name: 'x' });
    expect([...new Float32Array(scales.buffer, 0, 2)]).toEqual([0, 0]);
    expect(bytes.subarray(0, 2 * rowBytes(scheme, 2)).every((byte) => byte === 0)).toBe(true);
    expect([...roundTrip(scheme, values, 3, 2)]).toEqual([0, 0, 0, 0, 1, -1]);
  });

  it('refuses weights beyond f16, and names the way out', () => {
    const options = { name: 'blocks.0.down', firstRow: 10 };
    expect(() => quantizeRows('f16', Float32Array.of(1, 65504), 1, options)).not.toThrow();
    expect(() => quantizeRows('f16', Float32Array.of(1, -65505), 1, options)).toThrow(
      /blocks\.0\.down has a weight of magnitude 65505 in row 11.*int8, fp8, int4 or f32/,
    );
  });

  it.each<Scheme>(['f32', 'f16', 'int8', 'fp8', 'int4'])('refuses weights that are no numbers in %s', (scheme) => {
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

describe('int4', () => {
  const quantize = (row: readonly number[]) => quantizeRows('int4', Float32Array.from(row), row.length, { name: 'x' });
  const groupsOf = (row: Float32Array) =>
    Array.from({ length: Math.ceil(row.length / INT4_GROUP) }, (_, i) =>
      row.subarray(i * INT4_GROUP, (i + 1) * INT4_GROUP),
    );
  /** Range of a group with 0 in it. */
  const width = (group: Float32Array) => Math.max(0, ...group) - Math.min(0, ...group);

  it('keeps the levels of weights that were rounded to 4 bits before', () => {
    const group = fc.record({
      levels: fc.array(fc.integer({ min: 0, max: 15 }), { minLength: 32, maxLength: 32 }),
      step: fc.float({ min: Math.fround(0.001), max: 1, noNaN: true }),
      zero: fc.double({ min: 0.3, max: 14.7, noNaN: true }),
    });
    const trial = fc.property(group, ({ levels, step, zero }) => {
      const values = Float32Array.from(levels, (level) => step * (level - zero));
      const { bytes } = quantizeRows('int4', values, 32, { name: 'x', hasLevels: true });
      const codes = levels.map((_, i) => (i < 16 ? bytes[i]! & 15 : bytes[i - 16]! >> 4));
      // Levels count from the least, or from one above it, and a common factor of theirs is left out.
      const least = Math.min(...levels);
      const [code] = [Math.min(...codes)];
      const most = Math.max(...levels) - least;
      const scale = most === 0 ? 1 : (Math.max(...codes) - code) / most;
      if (most > 0) expect(codes.map((each) => each - code)).toEqual(levels.map((level) => (level - least) * scale));
    });
    fc.assert(trial, { numRuns: 300 });
  });

  it('rounds weights that lie on no levels as all others', () => {
    const values = Float32Array.from({ length: 64 }, (_, i) => Math.sin(i * i) - 0.2);
    const plain = quantizeRows('int4', values, 64, { name: 'x' });
    expect(quantizeRows('int4', values, 64, { name: 'x', hasLevels: true })).toEqual(plain);
  });

  it('lays a row out as documented', () => {
    const rising = Array.from({ length: 16 }, (_, i) => i * 0.5);
    const falling = Array.from({ length: 16 }, (_, i) => 7.5 - i * 0.5);
    // Scales 0.5, and 1.5 of which the row's is 1; zero points 0, and 7.5 in halves.
    const { bytes, scales } = quantize([...rising, ...falling, -11.25, 11.25, 0.75, -0.75]);
    expect([...bytes]).toEqual([
      ...rising.map((_, i) => i | ((15 - i) << 4)),
      0,
      15,
      8,
      7,
      ...Array.from({ length: 12 }, () => 0),
    ]);
    const view = new DataView(scales.buffer);
    expect(scales).toHaveLength(8);
    expect(view.getFloat32(0, true)).toBe(1);
    expect(view.getUint16(4, true)).toBe(30 << 11);
    expect(view.getUint16(6, true)).toBe((31 << 11) | (32 << 5) | 15);
    expect(int4Group(scales, 1)).toEqual({ scale: 1.5, zero: 7.5 });
  });

  it('keeps weights that are on a grid that can be stored', () => {
    const group = fc.record({
      mantissa: fc.nat(63),
      exponent: fc.integer({ min: -20, max: 0 }),
      zero: fc.nat(30),
      stored: fc.array(fc.nat(15), { minLength: 30, maxLength: 30 }),
    });
    fc.assert(
      fc.property(
        fc.array(group, { minLength: 1, maxLength: 4 }),
        fc.integer({ min: -80, max: 100 }),
        (groups, power) => {
          const row = groups.flatMap(({ mantissa, exponent, zero, stored }) =>
            [0, 15, ...stored].map((code) => 2 ** (power + exponent) * (1 + mantissa / 64) * (code - zero / 2)),
          );
          const values = Float32Array.from(row);
          expect([...roundTrip('int4', values, 1, row.length)]).toEqual(row);
        },
      ),
    );
  });

  it('is within half a step of each group', () => {
    fc.assert(
      fc.property(matrices, ({ rows, columns, values }) => {
        const back = roundTrip('int4', values, rows, columns);
        for (let row = 0; row < rows; row++) {
          const groups = (all: Float32Array) => groupsOf(all.subarray(row * columns, (row + 1) * columns));
          const stored = groups(back);
          const wanted = groups(values);
          const widest = Math.max(...wanted.map(width));
          for (const [index, group] of wanted.entries()) {
            // Scales are rounded to 1/128, with a zero in the group up by 1/64. Groups beyond the range of exponents become zeros.
            const half = group.includes(0) ? 0.508 : 0.504;
            const allowed = (width(group) / 15) * half + widest * 2 ** -27 + 32 * 2 ** -126;
            for (const [i, value] of group.entries()) {
              expect(Math.abs((stored[index]?.[i] as number) - value)).toBeLessThanOrEqual(allowed);
            }
          }
        }
      }),
    );
  });

  it('keeps zeros among other weights: what they are multiplied with counts for nothing', () => {
    const trial = fc.property(fc.array(float, { minLength: 2, maxLength: 40 }), fc.nat(39), (weights, place) => {
      const row = weights.with(place % weights.length, 0);
      const back = roundTrip('int4', Float32Array.from(row), 1, row.length);
      expect(back.filter((_, i) => row[i] === 0).every((weight) => Math.abs(weight) === 0)).toBe(true);
    });
    fc.assert(trial, { numRuns: 300 });
  });

  it('stores zeros, numbers of any magnitude, and what is far smaller than its row', () => {
    const back = (row: readonly number[]) => [...roundTrip('int4', Float32Array.from(row), 1, row.length)];
    expect(back([0, 0, 0, 0])).toEqual([0, 0, 0, 0]);
    expect(back([1e-40, -1e-40])).toEqual([0, 0]);
    for (const magnitude of [1e-30, 1e30, 3.4e38]) {
      const [positive = 0, negative = 0] = back([magnitude, -magnitude]);
      expect(positive / magnitude).toBeCloseTo(1, 1);
      expect(negative).toBe(-positive);
    }
    const wide = Array.from({ length: 2 * INT4_GROUP }, (_, i) => (i < INT4_GROUP ? 15 : 1e-9));
    expect(back(wide)).toEqual(wide.map((value) => (value === 15 ? 15 : 0)));
  });

  it('has rows of scales that are whole words', () => {
    expect([1, 32, 33, 64, 65, 96].map((columns) => scaleBytesPerRow('int4', columns))).toEqual([8, 8, 8, 8, 12, 12]);
    expect([1, 32, 33, 4096].map((columns) => rowBytes('int4', columns))).toEqual([16, 16, 32, 2048]);
    expect(matrixBytes('int4', 3, 33)).toBe(3 * 32 + 24 + 8);
  });
});
