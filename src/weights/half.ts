// Small floating-point formats: IEEE binary16 (f16), bfloat16 (bf16), and E4M3FN (f8: bias 7, no infinities, 448 at most).
// Written by hand because Float16Array is missing from Node 20. Typed arrays are little-endian on every platform that
// has WebGPU, as are checkpoints.

const scratch = new Float64Array(1);
const scratchWords = new Uint32Array(scratch.buffer);

/** NaN in E4M3FN; with the sign bit set it is 0xff. */
export const F8_NAN = 0x7f;
/** Largest finite magnitude of E4M3FN. */
export const F8_MAX = 448;
/** Largest finite magnitude of f16. */
export const F16_MAX = 65504;

/**
 * The magnitude of `value` in a format of `mantissaBits` and the exponent `bias`. It is rounded to nearest, ties to
 * even, as if the exponent had no upper end. Works on the bits of the f64, so that nothing is rounded twice.
 */
function roundMagnitude(value: number, mantissaBits: number, bias: number): number {
  scratch[0] = value;
  const low = scratchWords[0] as number;
  const high = scratchWords[1] as number;
  const exponent = ((high >>> 20) & 0x7ff) - 1023 + bias;
  // The upper 20 of the 52 fraction bits, with the implicit one where the result is subnormal; `low` only breaks ties.
  const subnormal = exponent < 1;
  const fraction = subnormal ? (high & 0xfffff) | 0x100000 : high & 0xfffff;
  const shift = 20 - mantissaBits + (subnormal ? 1 - exponent : 0);
  if (shift > 21) return 0;
  const kept = (subnormal ? 0 : exponent << mantissaBits) | (fraction >>> shift);
  const rest = fraction & ((1 << shift) - 1);
  const half = 1 << (shift - 1);
  const up = rest > half || (rest === half && (low !== 0 || (kept & 1) === 1));
  return up ? kept + 1 : kept; // a carry out of the fraction is the next exponent, as it should be
}

function signBit(value: number): boolean {
  return value < 0 || Object.is(value, -0);
}

/** Bits of the f16 nearest to `value`, ties to even. From 65520 on it is infinity; NaN is 0x7e00. */
export function encodeF16(value: number): number {
  if (Number.isNaN(value)) return 0x7e00;
  const magnitude = Math.abs(value) === Infinity ? 0x7c00 : Math.min(roundMagnitude(value, 10, 15), 0x7c00);
  return signBit(value) ? magnitude | 0x8000 : magnitude;
}

/** Bits of the bf16 nearest to `value`, ties to even. Beyond the largest finite value it is infinity; NaN is 0x7fc0. */
export function encodeBf16(value: number): number {
  if (Number.isNaN(value)) return 0x7fc0;
  const magnitude = Math.abs(value) === Infinity ? 0x7f80 : Math.min(roundMagnitude(value, 7, 127), 0x7f80);
  return signBit(value) ? magnitude | 0x8000 : magnitude;
}

/** Bits of the E4M3FN nearest to `value`, ties to even. Saturates: beyond 448, infinity too, it is 448; NaN is 0x7f. */
export function encodeF8(value: number): number {
  if (Number.isNaN(value)) return F8_NAN;
  const magnitude = Math.abs(value) >= F8_MAX ? 0x7e : roundMagnitude(value, 3, 7);
  return signBit(value) ? magnitude | 0x80 : magnitude;
}

/** Value of a small float: `bits` with `exponentBits` and `mantissaBits`, all codes finite. */
function decodeFinite(bits: number, exponentBits: number, mantissaBits: number, bias: number): number {
  const exponent = (bits >>> mantissaBits) & ((1 << exponentBits) - 1);
  const fraction = (bits & ((1 << mantissaBits) - 1)) / (1 << mantissaBits);
  const magnitude = exponent === 0 ? fraction * 2 ** (1 - bias) : (1 + fraction) * 2 ** (exponent - bias);
  return (bits >>> (exponentBits + mantissaBits)) & 1 ? -magnitude : magnitude;
}

/** Value of the f16 `bits`. */
export function decodeF16(bits: number): number {
  if ((bits & 0x7c00) !== 0x7c00) return decodeFinite(bits, 5, 10, 15);
  if (bits & 0x3ff) return NaN;
  return bits & 0x8000 ? -Infinity : Infinity;
}

/** Value of the bf16 `bits`. */
export function decodeBf16(bits: number): number {
  if ((bits & 0x7f80) !== 0x7f80) return decodeFinite(bits, 8, 7, 127);
  if (bits & 0x7f) return NaN;
  return bits & 0x8000 ? -Infinity : Infinity;
}

/** Value of the E4M3FN `bits`. */
export function decodeF8(bits: number): number {
  return (bits & 0x7f) === F8_NAN ? NaN : decodeFinite(bits, 4, 3, 7);
}

let f16Table: Float32Array | undefined;
let f8Table: Float32Array | undefined;

/** Decodes f16 `bits` into `out`, which is as long. */
export function decodeF16Array(bits: Uint16Array, out: Float32Array): void {
  f16Table ??= Float32Array.from({ length: 0x10000 }, (_, code) => decodeF16(code));
  for (let i = 0; i < bits.length; i++) out[i] = f16Table[bits[i] as number] as number;
}

/** Decodes bf16 `bits` into `out`, which is as long: the upper halves of f32 numbers. */
export function decodeBf16Array(bits: Uint16Array, out: Float32Array): void {
  const words = new Int32Array(out.buffer, out.byteOffset, out.length);
  const { length } = bits;
  for (let i = 0; i < length; i++) words[i] = (bits[i] as number) << 16;
}

/** Decodes E4M3FN `bits` into `out`, which is as long. */
export function decodeF8Array(bits: Uint8Array, out: Float32Array): void {
  f8Table ??= Float32Array.from({ length: 0x100 }, (_, code) => decodeF8(code));
  for (let i = 0; i < bits.length; i++) out[i] = f8Table[bits[i] as number] as number;
}
