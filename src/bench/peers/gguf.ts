// A GGUF file, as llama.cpp reads models: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md.

/** Types of tensors by their number, with the bytes and values of a block. */
export const TENSOR_TYPE = {
  f32: { id: 0, bytes: 4, values: 1 },
  q4_0: { id: 2, bytes: 18, values: 32 },
  q8_0: { id: 8, bytes: 34, values: 32 },
} as const;
export type TensorType = keyof typeof TENSOR_TYPE;

/** A value of the file's metadata: an integer is signed in arrays, as the keys that take arrays of them want. */
export type MetadataValue = { u32: number } | { f32: number } | { bool: boolean } | { text: string } | MetadataArray;
type MetadataArray = { i32s: readonly number[] } | { f32s: readonly number[] } | { texts: readonly string[] };

/** A tensor and its bytes, in pieces that may be used more than once. */
export interface GgufTensor {
  name: string;
  type: TensorType;
  /** Rows last: (columns, rows). */
  dims: readonly number[];
  data: readonly Uint8Array<ArrayBuffer>[];
}

const VERSION = 3;
const ALIGNMENT = 32;
const VALUE_TYPE = { u32: 4, i32: 5, f32: 6, bool: 7, text: 8, array: 9 } as const;

/** The file. Its tensors' bytes are not copied here. */
export function ggufFile(
  metadata: Readonly<Record<string, MetadataValue>>,
  tensors: readonly GgufTensor[],
): PiecedFile {
  const header = new Writer();
  header.raw(new TextEncoder().encode('GGUF'));
  header.u32(VERSION);
  header.u64(tensors.length);
  header.u64(Object.keys(metadata).length);
  for (const [key, value] of Object.entries(metadata)) {
    header.text(key);
    header.value(value);
  }
  let offset = 0;
  const data: Uint8Array<ArrayBuffer>[] = [];
  for (const { name, type, dims, data: pieces } of tensors) {
    header.text(name);
    header.u32(dims.length);
    for (const dim of dims) header.u64(dim);
    header.u32(TENSOR_TYPE[type].id);
    header.u64(offset);
    const bytes = pieces.reduce((sum, { length }) => sum + length, 0);
    data.push(...pieces, padding(bytes));
    offset += bytes + padding(bytes).length;
  }
  header.raw(padding(header.length));
  return new PiecedFile([...header.parts, ...data]);
}

/** What a `Blob` does, out of pieces of memory that are not copied before they are read, and without its limits. */
export class PiecedFile {
  readonly size: number;
  readonly #pieces: readonly Uint8Array[];
  /** Where each piece begins. */
  readonly #begins: number[] = [];

  constructor(pieces: readonly Uint8Array[]) {
    this.#pieces = pieces;
    let size = 0;
    for (const piece of pieces) {
      this.#begins.push(size);
      size += piece.length;
    }
    this.size = size;
  }

  /** Bytes [begin, end), as much of them as there are. */
  slice(begin = 0, end = this.size): PiecedFile {
    const parts: Uint8Array[] = [];
    for (let index = this.#find(begin); index < this.#pieces.length && this.#begins[index]! < end; index++) {
      const at = this.#begins[index]!;
      parts.push(this.#pieces[index]!.subarray(Math.max(0, begin - at), end - at));
    }
    return new PiecedFile(parts);
  }

  async arrayBuffer(): Promise<ArrayBuffer> {
    const bytes = new Uint8Array(this.size);
    for (const [index, piece] of this.#pieces.entries()) bytes.set(piece, this.#begins[index]);
    return bytes.buffer;
  }

  /** The last piece that begins at `position` or before. */
  #find(position: number): number {
    let [first, last] = [0, this.#pieces.length - 1];
    while (first < last) {
      const middle = Math.ceil((first + last) / 2);
      if (this.#begins[middle]! <= position) first = middle;
      else last = middle - 1;
    }
    return first;
  }
}

function padding(bytes: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array((ALIGNMENT - (bytes % ALIGNMENT)) % ALIGNMENT);
}

class Writer {
  readonly parts: Uint8Array<ArrayBuffer>[] = [];
  length = 0;

  raw(bytes: Uint8Array<ArrayBuffer>): void {
    this.parts.push(bytes);
    this.length += bytes.length;
  }

  u32(value: number): void {
    this.#number(4, (view) => view.setUint32(0, value, true));
  }

  u64(value: number): void {
    this.#number(8, (view) => view.setBigUint64(0, BigInt(value), true));
  }

  f32(value: number): void {
    this.#number(4, (view) => view.setFloat32(0, value, true));
  }

  text(value: string): void {
    const bytes = new TextEncoder().encode(value);
    this.u64(bytes.length);
    this.raw(bytes);
  }

  value(value: MetadataValue): void {
    if ('u32' in value) {
      this.u32(VALUE_TYPE.u32);
      this.u32(value.u32);
    } else if ('f32' in value) {
      this.u32(VALUE_TYPE.f32);
      this.f32(value.f32);
    } else if ('bool' in value) {
      this.u32(VALUE_TYPE.bool);
      this.raw(Uint8Array.of(value.bool ? 1 : 0));
    } else if ('text' in value) {
      this.u32(VALUE_TYPE.text);
      this.text(value.text);
    } else {
      this.u32(VALUE_TYPE.array);
      this.#array(value);
    }
  }

  #array(value: MetadataArray): void {
    if ('i32s' in value) {
      this.u32(VALUE_TYPE.i32);
      this.u64(value.i32s.length);
      this.raw(new Uint8Array(Int32Array.from(value.i32s).buffer));
    } else if ('f32s' in value) {
      this.u32(VALUE_TYPE.f32);
      this.u64(value.f32s.length);
      this.raw(new Uint8Array(Float32Array.from(value.f32s).buffer));
    } else {
      this.u32(VALUE_TYPE.text);
      this.u64(value.texts.length);
      for (const text of value.texts) this.text(text);
    }
  }

  #number(bytes: number, set: (view: DataView) => void): void {
    const data = new Uint8Array(bytes);
    set(new DataView(data.buffer));
    this.raw(data);
  }
}
