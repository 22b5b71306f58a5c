import { BambaError } from '../../errors.ts';
import type { Architecture, Mixer } from '../../architecture/architecture.ts';

// A model with random weights that every runtime can be given bit for bit. A matrix is integers ("codes") times one
// power of two. All formats hold it exactly: int8 with a scale a row, blocks of 32 with an f32 or f16 scale, and int4
// with or without zero points. The codes of all matrices are read out of one pool, over and over, each from a start of
// its own. So formats that keep codes row by row are copies of the pool, and nothing takes twice the model's size.

/** Bits of a weight. */
export type Bits = 8 | 4;

/** How a model's matrices are stored; embedding and head have 8 bits in both. */
export type PeerScheme = 'int8' | 'int4';

/** Codes of a block that shares a scale in other runtimes' formats. */
export const BLOCK = 32;

/** Codes of the pool: blocks times a prime, so that rows of no model begin at the same place again and again. */
const POOL_CODES = BLOCK * 32_749;

/** Codes between the beginnings of two matrices in the pool. */
const STRIDE = BLOCK * 257;

/** Largest code, and root mean square of uniform ones up to it. */
const LARGEST: Record<Bits, number> = { 8: 127, 4: 7 };
const RMS: Record<Bits, number> = { 8: 73.6, 4: 4.32 };

/** A matrix (rows, columns): codes `pool[(start + i) % pool.length]` in row-major order, times `scale`. */
export interface RandomMatrix {
  name: string;
  rows: number;
  columns: number;
  bits: Bits;
  /** A multiple of 32. */
  start: number;
  /** A power of two. */
  scale: number;
}

const pools = new Map<Bits, Int8Array<ArrayBuffer>>();

/** The codes of all matrices of so many bits, always the same. */
export function codePool(bits: Bits): Int8Array<ArrayBuffer> {
  let pool = pools.get(bits);
  if (!pool) {
    const values = 2 * LARGEST[bits] + 1;
    let state = 12_345 + bits;
    pool = Int8Array.from({ length: POOL_CODES }, () => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return Math.floor((state / 2 ** 32) * values) - LARGEST[bits];
    });
    pools.set(bits, pool);
  }
  return pool;
}

/** Fills `target` with `pool` over and over, from its element `start` on. */
export function fillCyclic(target: Uint8Array, pool: Uint8Array, start: number): void {
  let at = start % pool.length;
  for (let done = 0; done < target.length; at = 0) {
    const count = Math.min(target.length - done, pool.length - at);
    target.set(pool.subarray(at, at + count), done);
    done += count;
  }
}

/**
 * The mixer of each block: what is compared are models of Bamba's blocks, a mixer and then a SwiGLU MLP.
 * @throws BambaError `unsupported_model` for any other.
 */
export function blockMixers({ blocks }: Architecture): Mixer[] {
  return blocks.map((block, index) => {
    const [mixer] = block[0] ?? [];
    const shape = JSON.stringify(block);
    if (mixer === 'mamba2' && shape === '[["mamba2"],["swiglu"]]') return mixer;
    if (mixer === 'attention' && shape === '[["attention"],["swiglu"]]') return mixer;
    throw new BambaError('unsupported_model', `The comparison has no such blocks as block ${index}, ${shape}.`);
  });
}

/**
 * Matrices of a model by name, as checkpoints have them: `embedding` and `head`. A block has `in_proj`, `out_proj`, or
 * `q`, `k`, `v`, `o`, then `gate`, `up`, `down`. A tied head is the embedding.
 */
export function randomMatrices(architecture: Architecture, scheme: PeerScheme): Map<string, RandomMatrix> {
  const { vocabSize: V, hiddenSize: C, intermediateSize: F, mamba2, attention, tiedHead } = architecture;
  const bits = scheme === 'int8' ? 8 : 4;
  const matrices = new Map<string, RandomMatrix>();
  const add = (name: string, rows: number, columns: number, own: Bits = bits) => {
    // The output keeps the size of what it multiplies, so that no activation grows beyond a number.
    const scale = 2 ** Math.round(Math.log2(1 / (RMS[own] * Math.sqrt(columns))));
    const start = (matrices.size * STRIDE) % POOL_CODES;
    matrices.set(name, { name, rows, columns, bits: own, start, scale });
  };
  add('embedding', V, C, 8);
  for (const [index, kind] of blockMixers(architecture).entries()) {
    const of = (name: string) => `blocks.${index}.${name}`;
    if (kind === 'mamba2' && mamba2) {
      const inner = mamba2.heads * mamba2.headDim;
      add(of('in_proj'), 2 * inner + 2 * mamba2.groups * mamba2.stateSize + mamba2.heads, C);
      add(of('out_proj'), C, inner);
    } else if (attention) {
      const { heads, kvHeads, headDim } = attention;
      add(of('q'), heads * headDim, C);
      add(of('k'), kvHeads * headDim, C);
      add(of('v'), kvHeads * headDim, C);
      add(of('o'), C, heads * headDim);
    }
    add(of('gate'), F, C);
    add(of('up'), F, C);
    add(of('down'), C, F);
  }
  if (!tiedHead) add('head', V, C, 8);
  return matrices;
}

/** Bytes of all matrices at their bits alone: what a token reads at least, but for a tied embedding counted once. */
export function codeBytes(matrices: ReadonlyMap<string, RandomMatrix>): number {
  return [...matrices.values()].reduce((sum, { rows, columns, bits }) => sum + (rows * columns * bits) / 8, 0);
}

/** Values of a plain tensor by its name in our packages, of the size that trained models have, always the same. */
export function plainTensor(name: string, length: number): Float32Array<ArrayBuffer> {
  const tensor = name.slice(name.lastIndexOf('.') + 1);
  // A sequence without a period that the tensors' sizes have: the golden ratio's multiples.
  const fraction = (index: number) => ((index + name.length) * 0.618_033_988_749_895) % 1;
  const value: Record<string, (index: number) => number> = {
    a: (index) => -0.01 - 15.99 * fraction(index),
    dt_bias: (index) => -3 + fraction(index),
    conv1d_weight: (index) => fraction(index) - 0.5,
    conv1d_bias: (index) => 0.2 * fraction(index) - 0.1,
  };
  return Float32Array.from({ length }, (_, index) => value[tensor]?.(index) ?? 0.75 + 0.5 * fraction(index));
}
