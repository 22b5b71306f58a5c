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

/** The f64 next to a positive `value`, towards infinity (+1) or zero (-1). */
function neighbour(value: number, direction: 1 | -1): number {
  const bits = new BigInt64Array(new Float64Array([value]).buffer);
  bits[0] = (bits[0] as bigint) + BigInt(direction);
  return new Float64Array(bits.buffer)[0] as number;
}

describe.each([f16, bf16, f8])('$name', ({ codes, maxCode, encode, decode }) => {
  it('encodes every finite value to its own code, with both signs', () => {
    for (let code = 0; code <= maxCode; code++) {
      expect(encode(decode(code))).toBe(code);
      expect(decode(code | codes)).toBe(-decode(code));
      expect(encode(-decode(code))).toBe(code | codes);
    }
  });

  it('ascends with the code', () => {
    for (let code = 1; code <= maxCode; code++) expect(decode(code)).toBeGreaterThan(decode(code - 1));
  });

  it('rounds to the nearest value, and every midpoint to the even code', () => {
    for (let code = 0; code < maxCode; code++) {
      const middle = (decode(code) + decode(code + 1)) / 2; // exact in f64
      expect(encode(middle)).toBe(code % 2 === 0 ? code : code + 1);
      expect(encode(neighbour(middle, -1))).toBe(code);
      expect(encode(neighbour(middle, 1))).toBe(code + 1);
    }
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
