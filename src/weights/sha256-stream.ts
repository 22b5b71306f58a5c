// SHA-256 of bytes that come in parts, as FIPS 180-4 has it. The browser's own takes the whole at once. And a hash that
// was begun in one visit goes on in the next, which no library's object can do.

// Signed, as all of the arithmetic is: engines keep such numbers as integers.
const K = Int32Array.from(
  (
    '428a2f98 71374491 b5c0fbcf e9b5dba5 3956c25b 59f111f1 923f82a4 ab1c5ed5 d807aa98 12835b01 243185be 550c7dc3 ' +
    '72be5d74 80deb1fe 9bdc06a7 c19bf174 e49b69c1 efbe4786 0fc19dc6 240ca1cc 2de92c6f 4a7484aa 5cb0a9dc 76f988da ' +
    '983e5152 a831c66d b00327c8 bf597fc7 c6e00bf3 d5a79147 06ca6351 14292967 27b70a85 2e1b2138 4d2c6dfc 53380d13 ' +
    '650a7354 766a0abb 81c2c92e 92722c85 a2bfe8a1 a81a664b c24b8b70 c76c51a3 d192e819 d6990624 f40e3585 106aa070 ' +
    '19a4c116 1e376c08 2748774c 34b0bcb5 391c0cb3 4ed8aa4a 5b9cca4f 682e6ff3 748f82ee 78a5636f 84c87814 8cc70208 ' +
    '90befffa a4506ceb bef9a3f7 c67178f2'
  ).split(' '),
  (word) => Number.parseInt(word, 16) | 0,
);
const START = [0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19] as const;
const BLOCK = 64;

/** All that a stream is: may be kept as JSON, and gone on from. */
export interface Sha256State {
  words: number[];
  /** Bytes that do not fill a block yet. */
  tail: number[];
  /** Bytes in all. */
  length: number;
}

/**
 * A SHA-256 in the making.
 *
 * ```ts
 * const hash = new Sha256Stream();
 * for await (const bytes of body) hash.update(bytes);
 * console.log(hash.hex());
 * ```
 */
export class Sha256Stream {
  readonly #words: Uint32Array;
  readonly #block = new Uint8Array(BLOCK);
  readonly #schedule = new Int32Array(BLOCK);
  #length: number;

  /** @param state where another stream was */
  constructor({ words, tail, length }: Sha256State = { words: [...START], tail: [], length: 0 }) {
    this.#words = Uint32Array.from(words);
    this.#block.set(tail);
    this.#length = length;
  }

  /** Bytes that were taken. */
  get length(): number {
    return this.#length;
  }

  get state(): Sha256State {
    const tail = this.#block.subarray(0, this.#length % BLOCK);
    return { words: [...this.#words], tail: [...tail], length: this.#length };
  }

  /** Takes the next bytes. */
  update(bytes: Uint8Array): void {
    const filled = this.#length % BLOCK;
    this.#length += bytes.length;
    let at = 0;
    if (filled > 0) {
      at = Math.min(bytes.length, BLOCK - filled);
      this.#block.set(bytes.subarray(0, at), filled);
      if (filled + at < BLOCK) return;
      this.#take(this.#block, 0, 1);
    }
    const blocks = Math.floor((bytes.length - at) / BLOCK);
    this.#take(bytes, at, blocks);
    this.#block.set(bytes.subarray(at + blocks * BLOCK));
  }

  /** The hash of all that was taken, in lower-case hexadecimal. More may follow. */
  hex(): string {
    const last = new Sha256Stream(this.state);
    const filled = this.#length % BLOCK;
    const padding = new Uint8Array((filled < 56 ? 56 : 120) - filled + 8);
    padding[0] = 0x80;
    new DataView(padding.buffer).setBigUint64(padding.length - 8, BigInt(this.#length) * 8n);
    last.update(padding);
    return Array.from(last.#words, (word) => word.toString(16).padStart(8, '0')).join('');
  }

  #take(bytes: Uint8Array, begin: number, blocks: number): void {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const w = this.#schedule;
    const words = this.#words;
    for (let block = 0, at = begin; block < blocks; block++, at += BLOCK) {
      for (let i = 0; i < 16; i++) w[i] = view.getInt32(at + 4 * i);
      for (let i = 16; i < 64; i++) {
        const x = w[i - 15] as number;
        const y = w[i - 2] as number;
        const s0 = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3);
        const s1 = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10);
        w[i] = ((w[i - 16] as number) + s0 + (w[i - 7] as number) + s1) | 0;
      }
      mix(words, w);
    }
  }
}

/** The 64 rounds of one block. */
function mix(words: Uint32Array, w: Int32Array): void {
  let a = (words[0] as number) | 0;
  let b = (words[1] as number) | 0;
  let c = (words[2] as number) | 0;
  let d = (words[3] as number) | 0;
  let e = (words[4] as number) | 0;
  let f = (words[5] as number) | 0;
  let g = (words[6] as number) | 0;
  let h = (words[7] as number) | 0;
  for (let i = 0; i < 64; i++) {
    const s1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
    const t1 = (h + s1 + ((e & f) ^ (~e & g)) + (K[i] as number) + (w[i] as number)) | 0;
    const s0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
    const t2 = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
    h = g;
    g = f;
    f = e;
    e = (d + t1) | 0;
    d = c;
    c = b;
    b = a;
    a = (t1 + t2) | 0;
  }
  words[0] = (words[0] as number) + a;
  words[1] = (words[1] as number) + b;
  words[2] = (words[2] as number) + c;
  words[3] = (words[3] as number) + d;
  words[4] = (words[4] as number) + e;
  words[5] = (words[5] as number) + f;
  words[6] = (words[6] as number) + g;
  words[7] = (words[7] as number) + h;
}
