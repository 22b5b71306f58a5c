import { F8_MAX } from './half.ts';

// One row of weights into one row of a matrix: the innermost loops of conversion, a few nanoseconds a weight. They work
// on whole arrays and offsets, and on the bits of numbers, which is several times as fast as calls for each weight.

/** Adding and subtracting it rounds an f64 of up to 2^51 to an integer, ties to even. */
export const ROUNDER = 1.5 * 2 ** 52;
const MAGNITUDE = 0x7fff_ffff;

/** Bits of the largest magnitude of a row, from the bits of its weights: they are in the order of the numbers. */
export function largestBits(words: Int32Array, begin: number, end: number): number {
  let largest = 0;
  for (let i = begin; i < end; i++) {
    const magnitude = (words[i] as number) & MAGNITUDE;
    if (magnitude > largest) largest = magnitude;
  }
  return largest;
}

/** Rounds weights / scale to integers. */
export function encodeInt8(
  values: Float32Array,
  begin: number,
  end: number,
  scale: number,
  out: Int8Array,
  at: number,
): void {
  for (let i = begin, to = at; i < end; i++, to++) {
    // The rounding of the scale can put the largest weight at 127.00001, never at 127.5: no clamp is needed.
    out[to] = (values[i] as number) / scale + ROUNDER - ROUNDER;
  }
}

const F16_SMALLEST_NORMAL = 0x3880_0000;
/** The difference between the exponents of f32 and f16, in the bits of an f32. */
const F16_REBIAS = 0x3800_0000;

/** f16 of a row that has nothing beyond its largest value, ties to even. `words` are the bits of `values`. */
export function encodeF16Row(
  values: Float32Array,
  words: Int32Array,
  begin: number,
  end: number,
  out: Uint16Array,
  at: number,
): void {
  for (let i = begin, to = at; i < end; i++, to++) {
    const word = words[i] as number;
    const magnitude = word & MAGNITUDE;
    const sign = (word >>> 16) & 0x8000;
    if (magnitude >= F16_SMALLEST_NORMAL) {
      const rest = magnitude - F16_REBIAS;
      out[to] = sign | ((rest + 0xfff + ((rest >>> 13) & 1)) >>> 13);
    } else out[to] = sign | (Math.abs(values[i] as number) * 2 ** 24 + ROUNDER - ROUNDER);
  }
}

/** Upper halves of the f64 2^-6, E4M3FN's smallest normal number, and of what its exponents differ by. */
const F8_SMALLEST_NORMAL = 0x3f90_0000;
const F8_REBIAS = 0x3f80_0000;
const F8_LARGEST_CODE = 0x7e;

/** E4M3FN of weights / scale, ties to even, for quotients of up to about 448. Rounded once, from the f64 quotient. */
export class Fp8RowEncoder {
  readonly #quotients: Float64Array;
  readonly #words: Int32Array;

  constructor(columns: number) {
    this.#quotients = new Float64Array(columns);
    this.#words = new Int32Array(this.#quotients.buffer);
  }

  encode(values: Float32Array, begin: number, end: number, scale: number, out: Uint8Array, at: number): void {
    const quotients = this.#quotients;
    const words = this.#words;
    const count = end - begin;
    for (let i = 0; i < count; i++) quotients[i] = (values[begin + i] as number) / scale;
    for (let i = 0; i < count; i++) {
      const high = words[2 * i + 1] as number;
      const magnitude = high & MAGNITUDE;
      const sign = (high >>> 24) & 0x80;
      if (magnitude >= F8_SMALLEST_NORMAL) {
        // The lower half only breaks ties.
        const rest = (magnitude - F8_REBIAS) | (words[2 * i] === 0 ? 0 : 1);
        const code = (rest + 0xffff + ((rest >>> 17) & 1)) >>> 17;
        out[at + i] = sign | (code > F8_LARGEST_CODE ? F8_LARGEST_CODE : code);
      } else out[at + i] = sign | (Math.abs(quotients[i] as number) * 2 ** 9 + ROUNDER - ROUNDER);
    }
  }
}

/** Largest stored value of the schemes with a scale for each row. */
export const LARGEST_STORED = { int8: 127, fp8: F8_MAX } as const;
