import { INT4_GROUP } from './layout.ts';

// Rows of int4: 4 bits a weight, and for each group of 32 weights along the row a scale and a zero point in 16 bits, so
// that a group may lie unevenly around 0. A group of 16 bytes holds weight i in the low half of byte i, weight i + 16 in
// its high half. The scales of a row are
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
/** Adding and subtracting it rounds an f64 of up to 2^51 to an integer, ties to even. */
const ROUNDER = 1.5 * 2 ** 52;
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

/** Quantizes a row of finite weights into its bytes and its scales, both of zeros and as long as layout.ts says. */
export function encodeInt4Row(row: Float32Array, bytes: Uint8Array, scales: Uint8Array): void {
  const groups: Int4Group[] = [];
  let largest = 0;
  for (let begin = 0; begin < row.length; begin += INT4_GROUP) {
    const group = groupOf(row.subarray(begin, begin + INT4_GROUP));
    groups.push(group);
    largest = Math.max(largest, group.scale);
  }
  const rowScale = 2 ** Math.floor(Math.log2(largest));
  if (rowScale < SMALLEST_NORMAL) return;
  const view = new DataView(scales.buffer, scales.byteOffset);
  view.setFloat32(0, rowScale, true);
  for (const [index, { scale, zero }] of groups.entries()) {
    const relative = scale / rowScale;
    // What is that much smaller than the rest of the row is stored as zeros.
    if (relative < 2 ** -EXPONENT_OF_ONE) continue;
    const exponent = Math.floor(Math.log2(relative));
    const mantissa = (relative / 2 ** exponent - 1) * MANTISSA_STEPS;
    view.setUint16(4 + 2 * index, ((exponent + EXPONENT_OF_ONE) << 11) | (mantissa << 5) | (2 * zero), true);
    const begin = index * INT4_GROUP;
    for (let i = 0; i < INT4_GROUP && begin + i < row.length; i++) {
      const stored = store((row[begin + i] as number) / scale + zero);
      bytes[index * 16 + (i & 15)]! |= i < 16 ? stored : stored << 4;
    }
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
  return Math.min(15, Math.max(0, value + ROUNDER - ROUNDER));
}

/**
 * Scale and zero point for the range of a group, with 0 in it, rounded to what can be stored. Narrower ranges, searched
 * for the least squared error, are nearer to the weights by 7 %, but models answer no better with them.
 */
function groupOf(weights: Float32Array): Int4Group {
  let least = 0;
  let largest = 0;
  for (let i = 0; i < weights.length; i++) {
    least = Math.min(least, weights[i] as number);
    largest = Math.max(largest, weights[i] as number);
  }
  const step = (largest - least) / 15;
  if (step === 0) return { scale: 0, zero: 0 };
  const split = step * SPLITTER;
  const scale = split - (split - step);
  return { scale, zero: ((-2 * least) / scale + ROUNDER - ROUNDER) / 2 };
}
