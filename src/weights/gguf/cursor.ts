import { BambaError } from '../../errors.ts';
import type { GgufValue } from './metadata.ts';

/** There is less than is being read. It is no fault of the file where more of it can be had. */
export class EndOfBytes extends Error {
  /** The name of the value that was being read, for people. */
  readonly reading: string;

  constructor(reading: string) {
    super(reading);
    this.reading = reading;
  }
}

/** Numbers of those kinds of metadata values that are no plain numbers. */
const [FLAG, TEXT, LIST] = [7, 8, 9];

/** The fewest bytes of a value of each kind: u8, i8, u16, i16, u32, i32, f32, flag, text, list, u64, i64, f64. */
const LEAST_BYTES: readonly number[] = [1, 1, 2, 2, 4, 4, 4, 1, 8, 12, 8, 8, 8];
/** Numbers by the numbers of their kinds. */
const NUMBERS: Readonly<Record<number, (view: DataView, at: number) => number | bigint>> = {
  0: (view, at) => view.getUint8(at),
  1: (view, at) => view.getInt8(at),
  2: (view, at) => view.getUint16(at, true),
  3: (view, at) => view.getInt16(at, true),
  4: (view, at) => view.getUint32(at, true),
  5: (view, at) => view.getInt32(at, true),
  6: (view, at) => view.getFloat32(at, true),
  10: (view, at) => smallest(view.getBigUint64(at, true)),
  11: (view, at) => smallest(view.getBigInt64(at, true)),
  12: (view, at) => view.getFloat64(at, true),
};
/** Entries of a list: more than any vocabulary has. */
const MAX_ENTRIES = 2 ** 22;
const MAX_TEXT_BYTES = 16 * 2 ** 20;

/**
 * Reads numbers, texts and metadata values out of the first bytes of a GGUF file, one after the other.
 * Methods throw EndOfBytes where the bytes do not reach, BambaError `checkpoint_invalid` for what no file can have.
 */
export class GgufCursor {
  readonly #file: string;
  readonly #fileSize: number;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #decoder = new TextDecoder();
  #position = 0;

  constructor(file: string, fileSize: number, bytes: Uint8Array) {
    this.#file = file;
    this.#fileSize = fileSize;
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  get position(): number {
    return this.#position;
  }

  /** The bytes that the file begins with. */
  head(): Uint8Array {
    return this.#bytes.subarray(0, 64);
  }

  raw(reading: string, count: number): Uint8Array {
    const at = this.#take(reading, count);
    return this.#bytes.subarray(at, at + count);
  }

  u32(reading: string): number {
    return this.#view.getUint32(this.#take(reading, 4), true);
  }

  u64(reading: string): bigint {
    return this.#view.getBigUint64(this.#take(reading, 8), true);
  }

  /** A text with its length before it. */
  text(reading: string, most: number = MAX_TEXT_BYTES): string {
    const length = this.u64(reading);
    if (length > BigInt(most)) {
      throw this.#invalid(`claims ${length} bytes for ${reading}; at most ${most} are accepted`);
    }
    return this.#decoder.decode(this.raw(reading, Number(length)));
  }

  /** A value with the number of its kind before it. */
  value(reading: string): GgufValue {
    const kind = this.u32(reading);
    return kind === LIST ? this.#list(reading) : this.#scalar(reading, kind);
  }

  #list(reading: string): GgufValue {
    const kind = this.u32(reading);
    if (kind === LIST) throw this.#invalid(`has a list of lists in ${reading}, which nothing needs`);
    const least = LEAST_BYTES[kind];
    if (least === undefined) throw this.#unknown(reading, kind);
    const count = this.u64(reading);
    if (count > BigInt(MAX_ENTRIES)) {
      throw this.#invalid(`claims a list of ${count} entries in ${reading}; at most ${MAX_ENTRIES} are accepted`);
    }
    if (Number(count) * least > this.#fileSize - this.#position) {
      throw this.#invalid(`claims a list of ${count} entries in ${reading}, more than the rest of the file holds`);
    }
    // Looked for at once: a list that is not there yet is not read in part.
    if (Number(count) * least > this.#bytes.length - this.#position) throw new EndOfBytes(reading);
    return Array.from({ length: Number(count) }, () => this.#scalar(reading, kind)) as unknown as GgufValue;
  }

  #scalar(reading: string, kind: number): number | bigint | boolean | string {
    if (kind === TEXT) return this.text(reading);
    const width = LEAST_BYTES[kind];
    if (width === undefined || kind === LIST) throw this.#unknown(reading, kind);
    const at = this.#take(reading, width);
    if (kind === FLAG) return this.#flag(reading, at);
    return NUMBERS[kind]!(this.#view, at);
  }

  #flag(reading: string, at: number): boolean {
    const byte = this.#view.getUint8(at);
    if (byte > 1) throw this.#invalid(`has ${byte} for ${reading}, which can be 0 or 1`);
    return byte === 1;
  }

  #take(reading: string, count: number): number {
    const at = this.#position;
    if (count > this.#bytes.length - at) throw new EndOfBytes(reading);
    this.#position += count;
    return at;
  }

  #unknown(reading: string, kind: number): BambaError {
    return this.#invalid(`has a value of kind ${kind} in ${reading}; kinds 0 to ${LEAST_BYTES.length - 1} are known`);
  }

  #invalid(problem: string): BambaError {
    return new BambaError('checkpoint_invalid', `${this.#file} ${problem}. The file is damaged: fetch it again.`);
  }
}

function smallest(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

/** Quoted and cut to a length that fits a sentence: names come from outside. */
export function quote(value: string): string {
  const text = JSON.stringify(value);
  return text.length > 80 ? `${text.slice(0, 77)}..."` : text;
}
