import { INT4_GROUP } from './layout.ts';
import { ROUNDER } from './quantize-row.ts';

// Rows of int4: 4 bits a weight. Each group of 32 weights along the row has a scale and a zero point in 16 bits, so
// that a group may lie unevenly around 0. A group of 16 bytes holds weight i in the low half of byte i, weight i + 16
// in its high half. The scales of a row are
//
//   f32                 the row's scale, a power of two, or 0 for a row of zeros
//   16 bits a group     5 bits: zero point in halves, 0 .. 15.5;  6 bits: mantissa m;  5 bits: exponent e
//
// weight = row scale * 2^(e - 31) * (1 + m/64) * (stored - zero point). The product is exact in an f32. No group's scale
// is a subnormal number, which a GPU may flush to zero.

const EXPONENT_OF_ONE = 31;
const MANTISSA_STEPS = 64;
/** Below this an f32 is subnormal. */
const SMALLEST_NORMAL = 2 ** -126;
/** Splits an f64 so that 7 bits of its mantissa are left. */
const SPLITTER = 2 ** 46 + 1;

/** How a group is stored: weight = scale * (stored - zero). */
export interface Int4Group {
  scale: number;
  /** A multiple of a half. */
  zero: number;
}

/** The 16 bits of group `index` of a row, from its scales. Its scale is without the row's. */
export function int4Group(scales: Uint8Array, index: number): Int4Group {
  const bits = new DataView(scales.buffer, scales.byteOffset).getUint16(4 + 2 * index, true);
  const mantissa = (bits >> 5) & (MANTISSA_STEPS - 1);
  return { scale: 2 ** ((bits >> 11) - EXPONENT_OF_ONE) * (1 + mantissa / MANTISSA_STEPS), zero: (bits & 31) / 2 };
}

const scratch = new Float64Array(1);
const scratchWords = new Int32Array(scratch.buffer);

/** The upper 32 bits of a positive f64: 11 of exponent, and the first 20 of its mantissa. */
function upperBits(value: number): number {
  scratch[0] = value;
  return scratchWords[1] as number;
}

/** Quantizes rows of up to `columns` finite weights. */
export class Int4RowEncoder {
  /** The scale and the zero point of each group. */
  readonly #scales: Float64Array;
  readonly #zeros: Float64Array;

  constructor(columns: number) {
    this.#scales = new Float64Array(Math.ceil(columns / INT4_GROUP));
    this.#zeros = new Float64Array(this.#scales.length);
  }

  /**
   * Weights [begin, end) into their bytes and scales, both of zeros and as long as layout.ts says.
   * @param hasLevels whether each group's weights are of 16 levels already, which are kept where they can be
   */
  encode(
    values: Float32Array,
    begin: number,
    end: number,
    bytes: Uint8Array,
    bytesAt: number,
    scales: Uint8Array,
    scalesAt: number,
    hasLevels = false,
  ): void {
    const largest = this.#measure(values, begin, end, hasLevels);
    const view = new DataView(scales.buffer, scales.byteOffset + scalesAt);
    const rowExponent = upperBits(largest) >>> 20;
    const rowScale = largest === 0 ? 0 : 2 ** (rowExponent - 1023);
    if (rowScale < SMALLEST_NORMAL) return;
    view.setFloat32(0, rowScale, true);
    for (let group = 0, from = begin; from < end; group++, from += INT4_GROUP) {
      const scale = this.#scales[group] as number;
      const upper = upperBits(scale);
      const exponent = (upper >>> 20) - rowExponent;
      // A group that is that much smaller than the rest of the row is stored as zeros.
      if (scale === 0 || exponent < -EXPONENT_OF_ONE) continue;
      const zero = this.#zeros[group] as number;
      // The scale has 6 bits of mantissa: they are the first of its 20.
      const mantissa = (upper >>> 14) & (MANTISSA_STEPS - 1);
      view.setUint16(4 + 2 * group, ((exponent + EXPONENT_OF_ONE) << 11) | (mantissa << 5) | (2 * zero), true);
      encodeGroup(values, from, Math.min(end, from + INT4_GROUP), scale, zero, bytes, bytesAt + group * 16);
    }
  }

  /**
   * Scale and zero point for the range of each group, with 0 in it, rounded to what can be stored. Narrower ranges,
   * searched for the least squared error, are nearer to the weights by 7 %, but models answer no better with them. Levels
   * that weights lie on already stay, see `findLevels`. A weight of 0 stays 0: zeros stand where a matrix has no weight, and
   * what they are multiplied with may be anything. So a group with one has a whole zero point, and its scale is rounded up:
   * then no end of its range is more than half a step away.
   * @returns the largest scale
   */
  #measure(values: Float32Array, begin: number, end: number, hasLevels: boolean): number {
    let largest = 0;
    for (let group = 0, from = begin; from < end; group++, from += INT4_GROUP) {
      const to = Math.min(end, from + INT4_GROUP);
      const levels = hasLevels ? findLevels(values, from, to) : null;
      let scale: number;
      if (levels) {
        scale = sevenBits(levels.step);
        this.#zeros[group] = halves(levels.zero);
      } else {
        let least = 0;
        let most = 0;
        let hasZero = false;
        for (let i = from; i < to; i++) {
          const value = values[i] as number;
          least = Math.min(least, value);
          most = Math.max(most, value);
          if (value === 0) hasZero = true;
        }
        const step = (most - least) / 15;
        scale = hasZero ? sevenBitsUp(step) : sevenBits(step);
        const round = hasZero ? whole : halves;
        this.#zeros[group] = scale === 0 ? 0 : round(-least / scale);
      }
      this.#scales[group] = scale;
      if (scale > largest) largest = scale;
    }
    return largest;
  }
}

function sevenBits(value: number): number {
  const split = value * SPLITTER;
  return split - (split - value);
}

function sevenBitsUp(value: number): number {
  const near = sevenBits(value);
  // A 96th is between half a place and one and a half of the last of seven bits: the next number.
  return near < value ? sevenBits(near * (1 + 1 / 96)) : near;
}

function whole(value: number): number {
  return value + ROUNDER - ROUNDER;
}

function halves(value: number): number {
  return whole(2 * value) / 2;
}

/** The part of a step by which weights may be off their levels: they were rounded to f32. */
const OFF_LEVEL = 1 / 64;
/** Largest zero point that can be stored. */
const MOST_ZERO = 15.5;

/**
 * The levels on which weights of a group lie, if they were rounded to 4 bits before: weight = step * (q - zero), q from
 * 0 to 15. Rounding them to other levels would add an error as large as that of the first rounding. Null where they lie
 * on none, or zero is not among those that can be stored.
 */
function findLevels(values: Float32Array, from: number, to: number): { step: number; zero: number } | null {
  let least = Infinity;
  let most = -Infinity;
  for (let i = from; i < to; i++) {
    const value = values[i] as number;
    if (value < least) least = value;
    if (value > most) most = value;
  }
  // The second least weight is some steps from the least, mostly one.
  let second = Infinity;
  for (let i = from; i < to; i++) {
    const value = values[i] as number;
    if (value > least && value < second) second = value;
  }
  if (second === Infinity) return null;
  for (let steps = 1; steps <= 15; steps++) {
    const step = (second - least) / steps;
    if ((most - least) / step > 15 + OFF_LEVEL) return null;
    if (!isOnLevels(values, from, to, least, step)) continue;
    const zero = -least / step;
    // Levels may be counted from a higher one, so that zero is not below the first.
    const shift = Math.max(0, Math.ceil(-zero));
    const last = Math.round((most - least) / step) + shift;
    return last <= 15 && zero + shift <= MOST_ZERO ? { step, zero: zero + shift } : null;
  }
  return null;
}

function isOnLevels(values: Float32Array, from: number, to: number, least: number, step: number): boolean {
  for (let i = from; i < to; i++) {
    const level = ((values[i] as number) - least) / step;
    if (Math.abs(level - whole(level)) > OFF_LEVEL) return false;
  }
  return true;
}

function encodeGroup(
  values: Float32Array,
  begin: number,
  end: number,
  scale: number,
  zero: number,
  bytes: Uint8Array,
  at: number,
): void {
  if (end - begin === INT4_GROUP) {
    for (let i = 0; i < 16; i++) {
      const low = store((values[begin + i] as number) / scale + zero);
      const high = store((values[begin + 16 + i] as number) / scale + zero);
      bytes[at + i] = low | (high << 4);
    }
    return;
  }
  for (let i = begin; i < end; i++) {
    const stored = store((values[i] as number) / scale + zero);
    const place = i - begin;
    bytes[at + (place & 15)]! |= place < 16 ? stored : stored << 4;
  }
}

/** The weights that a row's bytes and scales stand for. */
export function decodeInt4Row(bytes: Uint8Array, scales: Uint8Array, out: Float32Array): void {
  const rowScale = new DataView(scales.buffer, scales.byteOffset).getFloat32(0, true);
  for (let begin = 0; begin < out.length; begin += INT4_GROUP) {
    const index = begin / INT4_GROUP;
    const { scale, zero } = int4Group(scales, index);
    for (let i = 0; i < INT4_GROUP && begin + i < out.length; i++) {
      const byte = bytes[index * 16 + (i & 15)] as number;
      out[begin + i] = rowScale * scale * ((i < 16 ? byte & 15 : byte >> 4) - zero);
    }
  }
}

function store(value: number): number {
  const rounded = whole(value);
  return rounded < 0 ? 0 : rounded > 15 ? 15 : rounded;
}
