import { type Bits, BLOCK, codePool, fillCyclic, type RandomMatrix } from './random-model.ts';
import type { External } from './onnx.ts';

/**
 * The files beside an ONNX model that hold its matrices: one of codes for each number of bits, and one for each scale,
 * which repeats it. Matrices share them, so they are as large as the largest matrix; the runtime copies out of them
 * what each matrix takes.
 */
export class OnnxFiles {
  readonly #codes = new Map<Bits, number>();
  readonly #scales = new Map<number, number>();

  constructor(matrices: Iterable<RandomMatrix>) {
    for (const matrix of matrices) {
      const { bits, scale } = matrix;
      const { offset, bytes } = this.codes(matrix);
      this.#codes.set(bits, Math.max(this.#codes.get(bits) ?? 0, offset + bytes));
      this.#scales.set(scale, Math.max(this.#scales.get(scale) ?? 0, this.scales(matrix).bytes));
    }
  }

  /** Where the codes of a matrix are: unsigned, the middle standing for 0, two of 4 bits in a byte, low half first. */
  codes({ bits, rows, columns, start }: RandomMatrix): External {
    return { file: `codes-${bits}`, offset: (start * bits) / 8, bytes: (rows * columns * bits) / 8 };
  }

  /** Where the scales of a matrix are, an f32 for every 32 codes. */
  scales({ rows, columns, scale }: RandomMatrix): External {
    return { file: `scale-${scale}`, offset: 0, bytes: ((rows * columns) / BLOCK) * 4 };
  }

  /** The files as ONNX Runtime takes them. */
  read(): { path: string; data: Uint8Array<ArrayBuffer> }[] {
    const files: { path: string; data: Uint8Array<ArrayBuffer> }[] = [];
    for (const [bits, bytes] of this.#codes) {
      const data = new Uint8Array(bytes);
      fillCyclic(data, unsigned(bits), 0);
      files.push({ path: `codes-${bits}`, data });
    }
    for (const [scale, bytes] of this.#scales) {
      files.push({ path: `scale-${scale}`, data: new Uint8Array(new Float32Array(bytes / 4).fill(scale).buffer) });
    }
    return files;
  }
}

function unsigned(bits: Bits): Uint8Array {
  const pool = codePool(bits);
  if (bits === 8) return Uint8Array.from(pool, (code) => code + 128);
  return Uint8Array.from({ length: pool.length / 2 }, (_, index) => {
    return (pool[2 * index]! + 8) | ((pool[2 * index + 1]! + 8) << 4);
  });
}
