import { BLOCK_TYPES } from './gguf/blocks.ts';
import { decodeBf16Array, decodeF16Array, decodeF8Array } from './half.ts';

/** How a tensor's values lie in its bytes: in blocks of so many, of so many bytes. */
export interface Encoding {
  values: number;
  bytes: number;
  /** Decodes whole blocks. */
  decode: (bytes: Uint8Array, out: Float32Array) => void;
}

const PLAIN: Readonly<Record<string, Encoding>> = {
  F32: {
    values: 1,
    bytes: 4,
    decode: (bytes, out) => out.set(new Float32Array(...aligned(bytes), out.length)),
  },
  BF16: {
    values: 1,
    bytes: 2,
    decode: (bytes, out) => decodeBf16Array(new Uint16Array(...aligned(bytes), out.length), out),
  },
  F16: {
    values: 1,
    bytes: 2,
    decode: (bytes, out) => decodeF16Array(new Uint16Array(...aligned(bytes), out.length), out),
  },
  F8_E4M3: { values: 1, bytes: 1, decode: decodeF8Array },
  I8: {
    values: 1,
    bytes: 1,
    decode: (bytes, out) => out.set(new Int8Array(bytes.buffer, bytes.byteOffset, out.length)),
  },
};

const BLOCKS: Readonly<Record<string, Encoding>> = Object.fromEntries(
  Object.entries(BLOCK_TYPES).map(([name, { values, bytes, decode }]) => [
    name,
    {
      values,
      bytes,
      decode(from: Uint8Array, out: Float32Array) {
        for (let at = 0, to = 0; to < out.length; at += bytes, to += values) decode(from, at, out, to);
      },
    },
  ]),
);

/** Names of the dtypes that can be read as weights. */
export const READABLE: readonly string[] = [...Object.keys(PLAIN), ...Object.keys(BLOCKS)];

/** How tensors of this dtype are read; undefined where they cannot be. */
export function encodingOf(dtype: string): Encoding | undefined {
  if (Object.hasOwn(PLAIN, dtype)) return PLAIN[dtype];
  return Object.hasOwn(BLOCKS, dtype) ? BLOCKS[dtype] : undefined;
}

/** Dtypes whose weights are of 16 levels in each group of 32. */
export const OF_16_LEVELS: ReadonlySet<string> = new Set(['Q4_0', 'Q4_1', 'Q4_K']);

/** Whether weights of this dtype are multiples of scales that blocks of them share. */
export function isRounded(dtype: string): boolean {
  return Object.hasOwn(BLOCKS, dtype);
}

/** The buffer and offset of a view of wider elements, which must begin at a multiple of their size. */
function aligned(bytes: Uint8Array): [buffer: ArrayBufferLike, offset: number] {
  const view = bytes.byteOffset % 4 === 0 ? bytes : bytes.slice();
  return [view.buffer, view.byteOffset];
}
