import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  decodeBf16,
  decodeBf16Array,
  decodeF16,
  decodeF16Array,
  decodeF8,
  decodeF8Array,
  encodeBf16,
  encodeF16,
  encodeF8,
} from './half.ts';

interface Format {
  name: string;
  codes: number;
  /** Code of the largest finite magnitude. */
  maxCode: number;
  encode: (value: number) => number;
  decode: (bits: number) => number;
}

const f16: Format = { name: 'f16', codes: 0x8000, maxCode: 0x7bff, encode: encodeF16, decode: decodeF16 };
const bf16: Format = { name: 'bf16', codes: 0x8000, maxCode: 0x7f7f, encode: encodeBf16, decode: decodeBf16 };
const f8: Format = { name: 'f8 e4m3fn', codes: 0x80, maxCode: 0x7e, encode: encodeF8, decode: decodeF8 };

/** Codes from 0 to `last` for which something is wrong. */
function codesWhere(last: number, isWrong: (code: number) => boolean): number[] {
  return Array.from({ length: last + 1 }, (_, code) => code).filter(isWrong);
}

/** The f64 next to a positive `value`, `steps` away. */
function neighbour(value: number, steps: bigint): number {
  const bits = new BigInt64Array(new Float64Array([value]).buffer);
  bits[0] = (bits[0] as bigint) + steps;
  return new Float64Array(bits.buffer)[0] as number;
}
const below = (value: number) => neighbour(value, -1n);
const above = (value: number) => neighbour(value, 1n);

describe.each([f16, bf16, f8])('$name', ({ codes, maxCode, encode, decode }) => {
  it('encodes every finite value to its own code, with both signs', () => {
    const wrong = codesWhere(maxCode, (code) => {
      const value = decode(code);
      return encode(value) !== code || !Object.is(decode(code | codes), -value) || encode(-value) !== (code | codes);
    });
    expect(wrong).toEqual([]);
  });

  it('ascends with the code', () => {
    expect(codesWhere(maxCode - 1, (code) => !(decode(code + 1) > decode(code)))).toEqual([]);
  });

  it('rounds to the nearest value, and every midpoint to the even code', () => {
    const wrong = codesWhere(maxCode - 1, (code) => {
      const middle = (decode(code) + decode(code + 1)) / 2; // exact in f64
      const even = code % 2 === 0 ? code : code + 1;
      return encode(middle) !== even || encode(below(middle)) !== code || encode(above(middle)) !== code + 1;
    });
    expect(wrong).toEqual([]);
  });

  it('is never further off than the neighbouring values', () => {
    const largest = decode(maxCode);
    fc.assert(
      fc.property(fc.double({ min: -largest, max: largest, noNaN: true }), (value) => {
        const code = encode(value);
        const error = Math.abs(decode(code) - value);
        const magnitude = code & (codes - 1);
        for (const other of [magnitude - 1, magnitude + 1]) {
          if (other < 0 || other > maxCode) continue;
          expect(error).toBeLessThanOrEqual(Math.abs(decode(other) - Math.abs(value)));
        }
      }),
    );
  });

  it('keeps NaN', () => {
    expect(decode(encode(NaN))).toBeNaN();
  });
});

it('knows the landmarks of the formats', () => {
  expect([decodeF16(0x3c00), decodeF16(0x0001), decodeF16(0x7bff), decodeF16(0xfc00)]).toEqual([
    1,
    2 ** -24,
    65504,
    -Infinity,
  ]);
  expect([decodeBf16(0x3f80), decodeBf16(0xc049), decodeBf16(0x7f80)]).toEqual([1, -3.140625, Infinity]);
  expect([decodeF8(0x38), decodeF8(0x01), decodeF8(0x08), decodeF8(0x7e), decodeF8(0xfe)]).toEqual([
    1,
    2 ** -9,
    2 ** -6,
    448,
    -448,
  ]);
  for (const bits of [0x7f, 0xff]) expect(decodeF8(bits)).toBeNaN();
});

it('overflows as documented: f16 and bf16 to infinity, f8 to 448', () => {
  expect(encodeF16(65519.99)).toBe(0x7bff);
  expect(encodeF16(65520)).toBe(0x7c00);
  expect(encodeF16(-1e300)).toBe(0xfc00);
  expect(encodeBf16(3.4e38)).toBe(0x7f80);
  expect(encodeBf16(-Infinity)).toBe(0xff80);
  for (const value of [448, 464, 1e9, Infinity]) expect(encodeF8(value)).toBe(0x7e);
  expect(encodeF8(-1e9)).toBe(0xfe);
});

it('decodes arrays as it decodes single values', () => {
  const all = Uint16Array.from({ length: 0x10000 }, (_, code) => code);
  const out = new Float32Array(all.length);
  decodeF16Array(all, out);
  expect(out.every((value, code) => Object.is(value, decodeF16(code)))).toBe(true);
  decodeBf16Array(all, out);
  expect(out.every((value, code) => Object.is(value, decodeBf16(code)))).toBe(true);
  const bytes = Uint8Array.from({ length: 0x100 }, (_, code) => code);
  const few = new Float32Array(bytes.length);
  decodeF8Array(bytes, few);
  expect(few.every((value, code) => Object.is(value, decodeF8(code)))).toBe(true);
});
