import { decodeF16, encodeF16, F16_MAX } from '../weights/half.ts';
import { at, type Values } from './values.ts';

/** Elements of a block of int8. */
const BLOCK = 32;

/** The scale of a block: its largest magnitude / 127, rounded up to the upper half of an f32. */
function blockScale(block: Float32Array): number {
  const largest = block.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  const word = new Uint32Array(Float32Array.of(largest / 127).buffer);
  word[0] = (at(word, 0) + 0xffff) & 0xffff0000;
  return at(new Float32Array(word.buffer), 0);
}

function f16Word(low: number, high: number): number {
  const bits = (value: number) => encodeF16(Math.min(F16_MAX, Math.max(-F16_MAX, value)));
  return bits(low) | (bits(high) << 16);
}

/** Words of one head's key or value in int8: four elements + 128 in a word, and behind them two scales in a word. */
function int8Row(row: Float32Array): number[] {
  const blocks = Array.from({ length: Math.ceil(row.length / BLOCK) }, (_, i) =>
    row.subarray(i * BLOCK, (i + 1) * BLOCK),
  );
  const scales = blocks.map(blockScale);
  const bytes = Array.from(row, (value, i) => {
    const scale = at(scales, Math.floor(i / BLOCK));
    return 128 + (scale === 0 ? 0 : Math.max(-127, Math.min(127, Math.round(value / scale))));
  });
  const halves = scales.map((scale) => at(new Uint32Array(Float32Array.of(scale).buffer), 0) >>> 16);
  if (halves.length % 2 === 1) halves.push(0);
  return [...new Uint32Array(Uint8Array.from(bytes).buffer), ...new Uint32Array(Uint16Array.from(halves).buffer)];
}

/** Keys or values, rows of `headDim`, as words of the cache: see shaders/lib/cache_f32.wgsl and its kin. */
export function encodeCache(type: 'f32' | 'f16' | 'int8', values: Values, headDim: number): Uint32Array {
  const floats = Float32Array.from(values);
  if (type === 'f32') return new Uint32Array(floats.buffer);
  if (type === 'f16') {
    return Uint32Array.from({ length: floats.length / 2 }, (_, i) => f16Word(at(floats, 2 * i), at(floats, 2 * i + 1)));
  }
  const rows = Array.from({ length: floats.length / headDim }, (_, row) =>
    int8Row(floats.subarray(row * headDim, (row + 1) * headDim)),
  );
  return Uint32Array.from(rows.flat());
}

/** The numbers that the words of a cache stand for: rows of `headDim`. */
export function decodeCache(type: 'f32' | 'f16' | 'int8', words: Uint32Array, headDim: number): Float32Array {
  const bytes = Uint8Array.from(new Uint8Array(words.buffer, words.byteOffset, words.byteLength));
  if (type === 'f32') return new Float32Array(bytes.buffer);
  if (type === 'f16') return Float32Array.from(new Uint16Array(bytes.buffer), decodeF16);
  const rowBytes = headDim + 4 * Math.ceil(headDim / (2 * BLOCK));
  const out = new Float32Array((bytes.length / rowBytes) * headDim);
  for (let row = 0; row < out.length / headDim; row++) {
    const halves = new Uint16Array(bytes.buffer, row * rowBytes + headDim, (rowBytes - headDim) / 2);
    const scales = Array.from(halves, (half) => at(new Float32Array(Uint32Array.of(half << 16).buffer), 0));
    for (let i = 0; i < headDim; i++) {
      out[row * headDim + i] = (at(bytes, row * rowBytes + i) - 128) * at(scales, Math.floor(i / BLOCK));
    }
  }
  return out;
}
