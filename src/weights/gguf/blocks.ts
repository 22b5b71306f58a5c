import { decodeF16 } from '../half.ts';

// Quantized tensors of GGUF files, block by block: https://github.com/ggml-org/ggml/blob/master/src/ggml-common.h. In a
// block of 32 weights in 16 bytes, weight i is the low half of byte i, weight i + 16 its high half. d and m are f16.
// Products are computed in f64 and rounded once to f32, which is exact for all that a block of 32 holds.

/** Weights of a block whose bytes begin at `at`, into `out` from `to` on. */
type BlockDecoder = (bytes: Uint8Array, at: number, out: Float32Array, to: number) => void;

/** A quantized type that can be read: its blocks hold so many weights in so many bytes. */
export interface BlockType {
  values: number;
  bytes: number;
  decode: BlockDecoder;
}

function half(bytes: Uint8Array, at: number): number {
  return decodeF16(bytes[at]! | (bytes[at + 1]! << 8));
}

/** d * (4 bits - 8) */
const q4_0: BlockDecoder = (bytes, at, out, to) => {
  const d = half(bytes, at);
  for (let i = 0; i < 16; i++) {
    const byte = bytes[at + 2 + i]!;
    out[to + i] = d * ((byte & 15) - 8);
    out[to + 16 + i] = d * ((byte >> 4) - 8);
  }
};

/** d * 4 bits + m */
const q4_1: BlockDecoder = (bytes, at, out, to) => {
  const d = half(bytes, at);
  const m = half(bytes, at + 2);
  for (let i = 0; i < 16; i++) {
    const byte = bytes[at + 4 + i]!;
    out[to + i] = d * (byte & 15) + m;
    out[to + 16 + i] = d * (byte >> 4) + m;
  }
};

/** Weights of 5 bits at `at`: the fifth bits of all 32 in four bytes, then the others as in 4-bit blocks. */
function fiveBits(bytes: Uint8Array, at: number, put: (index: number, value: number) => void): void {
  for (let i = 0; i < 32; i++) {
    const low = i < 16 ? bytes[at + 4 + i]! & 15 : bytes[at + 4 + i - 16]! >> 4;
    const high = (bytes[at + (i >> 3)]! >> (i & 7)) & 1;
    put(i, low | (high << 4));
  }
}

/** d * (5 bits - 16) */
const q5_0: BlockDecoder = (bytes, at, out, to) => {
  const d = half(bytes, at);
  fiveBits(bytes, at + 2, (i, value) => (out[to + i] = d * (value - 16)));
};

/** d * 5 bits + m */
const q5_1: BlockDecoder = (bytes, at, out, to) => {
  const d = half(bytes, at);
  const m = half(bytes, at + 2);
  fiveBits(bytes, at + 4, (i, value) => (out[to + i] = d * value + m));
};

/** d * 8 bits */
const q8_0: BlockDecoder = (bytes, at, out, to) => {
  const d = half(bytes, at);
  for (let i = 0; i < 32; i++) out[to + i] = d * ((bytes[at + 2 + i]! << 24) >> 24);
};

/**
 * Scale and minimum of group `index` of 8, each of 6 bits, out of 12 bytes. Four scales come first, then four minima,
 * then the low halves of the other four of each. The two upper bits of bytes 0 to 7 are the upper bits of those.
 */
function scaleAndMinimum(bytes: Uint8Array, at: number, index: number): [scale: number, minimum: number] {
  if (index < 4) return [bytes[at + index]! & 63, bytes[at + 4 + index]! & 63];
  const low = bytes[at + 4 + index]!;
  return [(low & 15) | ((bytes[at + index - 4]! >> 6) << 4), (low >> 4) | ((bytes[at + index]! >> 6) << 4)];
}

/** Groups of 32: d * scale * 4 bits - dmin * minimum. A run of 32 bytes holds two groups, the first in the low halves. */
const q4_k: BlockDecoder = (bytes, at, out, to) => {
  const d = half(bytes, at);
  const dmin = half(bytes, at + 2);
  for (let group = 0; group < 8; group++) {
    const [scale, minimum] = scaleAndMinimum(bytes, at + 4, group);
    const from = at + 16 + (group >> 1) * 32;
    const shift = (group & 1) * 4;
    for (let i = 0; i < 32; i++) {
      out[to + group * 32 + i] = d * scale * ((bytes[from + i]! >> shift) & 15) - dmin * minimum;
    }
  }
};

/** As q4_k, with a fifth bit: that of weight i of group g is bit g of byte i of the 32 before. */
const q5_k: BlockDecoder = (bytes, at, out, to) => {
  const d = half(bytes, at);
  const dmin = half(bytes, at + 2);
  for (let group = 0; group < 8; group++) {
    const [scale, minimum] = scaleAndMinimum(bytes, at + 4, group);
    const from = at + 48 + (group >> 1) * 32;
    const shift = (group & 1) * 4;
    for (let i = 0; i < 32; i++) {
      const value = ((bytes[from + i]! >> shift) & 15) | (((bytes[at + 16 + i]! >> group) & 1) << 4);
      out[to + group * 32 + i] = d * scale * value - dmin * minimum;
    }
  }
};

/**
 * Groups of 16: d * scale * (6 bits - 32), scales of 8 bits. The low halves of 128 weights are in 64 bytes, as two runs
 * of 32 in their low and then their high halves. The two upper bits of each weight are in 32 bytes more.
 */
const q6_k: BlockDecoder = (bytes, at, out, to) => {
  const d = half(bytes, at + 208);
  for (let i = 0; i < 256; i++) {
    const part = i >> 7;
    const run = (i >> 5) & 3;
    const lane = i & 31;
    const low = (bytes[at + part * 64 + (run & 1) * 32 + lane]! >> ((run >> 1) * 4)) & 15;
    const high = (bytes[at + 128 + part * 32 + lane]! >> (run * 2)) & 3;
    const scale = (bytes[at + 192 + (i >> 4)]! << 24) >> 24;
    out[to + i] = d * scale * ((low | (high << 4)) - 32);
  }
};

/** Quantized types that can be read, by name. */
export const BLOCK_TYPES: Readonly<Record<string, BlockType>> = {
  Q4_0: { values: 32, bytes: 18, decode: q4_0 },
  Q4_1: { values: 32, bytes: 20, decode: q4_1 },
  Q5_0: { values: 32, bytes: 22, decode: q5_0 },
  Q5_1: { values: 32, bytes: 24, decode: q5_1 },
  Q8_0: { values: 32, bytes: 34, decode: q8_0 },
  Q4_K: { values: 256, bytes: 144, decode: q4_k },
  Q5_K: { values: 256, bytes: 176, decode: q5_k },
  Q6_K: { values: 256, bytes: 210, decode: q6_k },
};
