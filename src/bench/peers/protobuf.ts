// Messages of protocol buffers, as far as writing an ONNX model takes: https://protobuf.dev/programming-guides/encoding/.

const VARINT = 0;
const LENGTH_DELIMITED = 2;
const FIXED_32 = 5;

/** A message being written: fields by number, in any order, each as often as it is called. */
export class Message {
  readonly #parts: Uint8Array<ArrayBuffer>[] = [];

  /** int32, int64, enum: negative ones take ten bytes. */
  integer(field: number, value: number): this {
    this.#parts.push(varint(field * 8 + VARINT), varint(value));
    return this;
  }

  float(field: number, value: number): this {
    const bytes = new Uint8Array(4);
    new DataView(bytes.buffer).setFloat32(0, value, true);
    this.#parts.push(varint(field * 8 + FIXED_32), bytes);
    return this;
  }

  string(field: number, value: string): this {
    return this.bytes(field, new TextEncoder().encode(value));
  }

  message(field: number, value: Message): this {
    return this.bytes(field, value.encode());
  }

  bytes(field: number, value: Uint8Array<ArrayBuffer>): this {
    this.#parts.push(varint(field * 8 + LENGTH_DELIMITED), varint(value.length), value);
    return this;
  }

  /** The message so far. */
  encode(): Uint8Array<ArrayBuffer> {
    const encoded = new Uint8Array(this.#parts.reduce((sum, { length }) => sum + length, 0));
    let at = 0;
    for (const part of this.#parts) {
      encoded.set(part, at);
      at += part.length;
    }
    return encoded;
  }
}

function varint(value: number): Uint8Array<ArrayBuffer> {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  while (rest >= 128n) {
    bytes.push(Number(rest & 127n) | 128);
    rest >>= 7n;
  }
  bytes.push(Number(rest));
  return Uint8Array.from(bytes);
}
