import { alignTo } from '../../weights/layout.ts';
import { encodeBf16, encodeF16 } from '../../weights/half.ts';

// GGUF files made in memory, for tests. Written from the format's description, and not with the code that reads them.

/** A value with its kind, as files name kinds. */
export type GgufEntry =
  | { u8: number }
  | { i8: number }
  | { u16: number }
  | { i16: number }
  | { u32: number }
  | { i32: number }
  | { f32: number }
  | { bool: boolean }
  | { text: string }
  | { u64: bigint }
  | { i64: bigint }
  | { f64: number }
  | { texts: readonly string[] }
  | { u32s: readonly number[] }
  | { i32s: readonly number[] }
  | { f32s: readonly number[] }
  | { bools: readonly boolean[] };

/** A tensor of a file: columns first. */
export interface GgufTestTensor {
  name: string;
  type: keyof typeof TYPES;
  dims: readonly number[];
  data: Uint8Array;
}

const TYPES = {
  F32: 0,
  F16: 1,
  Q4_0: 2,
  Q4_1: 3,
  Q5_0: 6,
  Q5_1: 7,
  Q8_0: 8,
  Q3_K: 11,
  Q4_K: 12,
  Q5_K: 13,
  Q6_K: 14,
  BF16: 30,
} as const;

/** What a file may have otherwise than it should. */
export interface GgufOptions {
  magic?: string;
  version?: number;
  tensorCount?: bigint;
  keyCount?: bigint;
  alignment?: number;
  /** Offsets of tensors in the place of the right ones, and numbers of types. */
  offsets?: Readonly<Record<string, bigint>>;
  types?: Readonly<Record<string, number>>;
  /** Kept of the file; all where it is not given. */
  length?: number;
}

/** A file of this metadata and these tensors. */
export function ggufBytes(
  metadata: Readonly<Record<string, GgufEntry>>,
  tensors: readonly GgufTestTensor[] = [],
  options: GgufOptions = {},
): Uint8Array<ArrayBuffer> {
  const { magic = 'GGUF', version = 3, alignment = 32, offsets = {}, types = {} } = options;
  const out = new Bytes();
  out.raw(new TextEncoder().encode(magic));
  out.number(4, (view) => view.setUint32(0, version, true));
  out.u64(options.tensorCount ?? BigInt(tensors.length));
  out.u64(options.keyCount ?? BigInt(Object.keys(metadata).length));
  for (const [key, entry] of Object.entries(metadata)) {
    out.text(key);
    out.entry(entry);
  }
  let offset = 0;
  for (const { name, type, dims, data } of tensors) {
    out.text(name);
    out.number(4, (view) => view.setUint32(0, dims.length, true));
    for (const dim of dims) out.u64(BigInt(dim));
    out.number(4, (view) => view.setUint32(0, types[name] ?? TYPES[type], true));
    out.u64(offsets[name] ?? BigInt(offset));
    offset = alignTo(offset + data.length, alignment);
  }
  for (const { data } of tensors) {
    out.raw(new Uint8Array(alignTo(out.length, alignment) - out.length));
    out.raw(data);
  }
  return out.all().slice(0, options.length);
}

/** Values as a tensor's bytes. */
export function ggufData(type: 'F32' | 'F16' | 'BF16', values: ArrayLike<number>): Uint8Array {
  const from = Array.from(values);
  if (type === 'F32') return new Uint8Array(Float32Array.from(from).buffer);
  return new Uint8Array(Uint16Array.from(from, type === 'F16' ? encodeF16 : encodeBf16).buffer);
}

class Bytes {
  readonly #parts: Uint8Array[] = [];
  length = 0;

  raw(bytes: Uint8Array): void {
    this.#parts.push(bytes);
    this.length += bytes.length;
  }

  number(width: number, set: (view: DataView) => void): void {
    const bytes = new Uint8Array(width);
    set(new DataView(bytes.buffer));
    this.raw(bytes);
  }

  u64(value: bigint): void {
    this.number(8, (view) => view.setBigUint64(0, value, true));
  }

  text(value: string): void {
    const bytes = new TextEncoder().encode(value);
    this.u64(BigInt(bytes.length));
    this.raw(bytes);
  }

  entry(entry: GgufEntry): void {
    const [[kind, value]] = Object.entries(entry) as [[string, unknown]];
    if (kind.endsWith('s')) {
      const single = kind.slice(0, -1);
      const list = value as readonly (number | string | boolean)[];
      this.#kind('list');
      this.#kind(single);
      this.u64(BigInt(list.length));
      for (const item of list) this.#scalar(single, item);
      return;
    }
    this.#kind(kind);
    this.#scalar(kind, value);
  }

  all(): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(this.length);
    let at = 0;
    for (const part of this.#parts) {
      bytes.set(part, at);
      at += part.length;
    }
    return bytes;
  }

  #kind(kind: string): void {
    const kinds = ['u8', 'i8', 'u16', 'i16', 'u32', 'i32', 'f32', 'bool', 'text', 'list', 'u64', 'i64', 'f64'];
    this.number(4, (view) => view.setUint32(0, kinds.indexOf(kind), true));
  }

  #scalar(kind: string, value: unknown): void {
    const given = value as number;
    if (kind === 'text') this.text(value as string);
    else if (kind === 'u8') this.number(1, (view) => view.setUint8(0, given));
    else if (kind === 'i8') this.number(1, (view) => view.setInt8(0, given));
    else if (kind === 'bool') this.number(1, (view) => view.setUint8(0, value === true ? 1 : 0));
    else if (kind === 'u16') this.number(2, (view) => view.setUint16(0, given, true));
    else if (kind === 'i16') this.number(2, (view) => view.setInt16(0, given, true));
    else if (kind === 'u32') this.number(4, (view) => view.setUint32(0, given, true));
    else if (kind === 'i32') this.number(4, (view) => view.setInt32(0, given, true));
    else if (kind === 'f32') this.number(4, (view) => view.setFloat32(0, given, true));
    else if (kind === 'f64') this.number(8, (view) => view.setFloat64(0, given, true));
    else if (kind === 'u64') this.u64(value as bigint);
    else this.number(8, (view) => view.setBigInt64(0, value as bigint, true));
  }
}
