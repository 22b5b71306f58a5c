import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ropeTable } from '../../reference/rope.ts';
import { randomTensor, seeds, sizes } from '../../testing/arbitrary.ts';
import {
  ATTENTION_SHAPES,
  embeddingOf,
  expectStored,
  heldBy,
  pastOf,
  qkvWidth,
  rotatedParts,
  testCache,
  testRing,
  WINDOWED,
  tokenWords,
} from '../../testing/kernels/attention-cases.ts';
import { HALF_ULP } from '../../testing/kernels/bounds.ts';
import { expectClose } from '../../testing/close.ts';
import { describeGpu } from '../../testing/kernels/device.ts';
import { partOf } from '../../testing/extent.ts';
import type { AttentionDims } from './attention-shape.ts';
import { CACHE_TYPES, type CacheType } from './kv-cache.ts';
import { ropeKvAppend, ropeKvAppendKernel } from './rope_kv_append.ts';

// Two products and a sum, of a table that is rounded once; components are below 10.
const CLOSE = { abs: 10 * 4 * HALF_ULP };

interface Case {
  type: CacheType;
  dims: AttentionDims;
  /** (T, heads + 2J, headDim) */
  qkv: Float32Array;
  position: number;
  /** Tokens behind those that are appended. */
  spare: number;
  segmentTokens?: number;
}

describeGpu(ropeKvAppendKernel, (gpu) => {
  async function expectAppended(seed: number, { type, dims, qkv, position, spare, segmentTokens }: Case) {
    const { heads, kvHeads, headDim } = dims;
    const width = qkvWidth(dims);
    const T = qkv.length / width;
    const past = pastOf(seed + 1, position + T + spare, dims);
    const { cache, written: before, words } = testCache(gpu(), type, dims, past, segmentTokens);
    const embedding = embeddingOf(dims);
    const table = embedding ? ropeTable(embedding, position + T) : new Float32Array(4);
    const output = gpu().output(qkv);
    const specs = ropeKvAppend(gpu().features, 'test', { rope: gpu().input(table), qkv: output }, cache, dims);
    expect(specs).toHaveLength(cache.segments.length);
    await gpu().run(specs, { tokens: T, position });

    const at = position * kvHeads * headDim;
    const expected = rotatedParts(qkv, position, dims);
    const turned = await gpu().read(output);
    const inQ = (i: number) => i % width < heads * headDim;
    expectClose(
      turned.filter((_, i) => inQ(i)),
      expected.q,
      CLOSE,
      'q',
    );
    expect(turned.filter((_, i) => !inQ(i))).toEqual(qkv.filter((_, i) => !inQ(i)));
    const after = await words();
    const held = heldBy(type, dims, after, position + T);
    for (const [what, error] of [
      ['keys', CLOSE.abs],
      ['values', 0],
    ] as const) {
      expectStored(type, held[what].subarray(at), expected[what], headDim, { error, what });
      // What came before is kept to the bit, and so is what lies behind.
      const row = tokenWords(type, dims);
      const end = (position + T) * row;
      expect(after[what].subarray(0, position * row)).toEqual(before[what].subarray(0, position * row));
      expect(after[what].subarray(end)).toEqual(before[what].subarray(end));
    }
  }

  describe.each(CACHE_TYPES)('into a cache of %s', (type) => {
    const { share } = partOf(CACHE_TYPES.indexOf(type), CACHE_TYPES.length);
    it.each(share(ATTENTION_SHAPES))(
      'rotates q, appends k and v, touches nothing else, for $heads heads over $kvHeads of $headDim',
      async (dims) => {
        await fc.assert(
          fc.asyncProperty(
            seeds(),
            sizes({ tile: 4, most: 9 }),
            fc.constantFrom(0, 1, 3, 40, 300),
            fc.nat(2),
            fc.constantFrom(4, 7, 400),
            async (seed, T, position, spare, segmentTokens) => {
              const qkv = randomTensor(seed, T * qkvWidth(dims));
              await expectAppended(seed, { type, dims, qkv, position, spare, segmentTokens });
            },
          ),
          { numRuns: 4 },
        );
      },
    );

    it('appends zeros, and what is tiny or huge, each within its block', async () => {
      const dims = { ...ATTENTION_SHAPES[0]!, ropeDims: 0 };
      const magnitudes = [0, 1e-30, 3e-7, 6e-5, 1, 900, 6e4];
      const width = qkvWidth(dims);
      const qkv = randomTensor(1, 9 * width, 0.3).map(
        (value, i) => value * magnitudes[Math.floor(i / 32) % magnitudes.length]!,
      );
      const bounded = qkv.map((value) => Math.max(-6e4, Math.min(6e4, value)));
      await expectAppended(2, { type, dims, qkv: bounded, position: 3, spare: 1 });
    });
  });

  it.each(CACHE_TYPES)('appends to a ring of %s in turn, and touches no other rows', async (type) => {
    const { ring } = WINDOWED;
    const dims = ATTENTION_SHAPES[3]!;
    const width = dims.kvHeads * dims.headDim;
    for (const [T, position] of [
      [5, 0],
      [9, 60],
      [7, 200],
    ] as const) {
      const qkv = randomTensor(position, T * qkvWidth(dims));
      const {
        cache,
        written: before,
        words,
      } = testRing(gpu(), type, dims, pastOf(2, Math.max(position, 1), dims), ring);
      const table = ropeTable(embeddingOf(dims)!, position + T);
      const buffers = { rope: gpu().input(table), qkv: gpu().output(qkv) };
      await gpu().run(ropeKvAppend(gpu().features, 'test', buffers, cache, dims), { tokens: T, position });
      const after = await words();
      const held = heldBy(type, dims, after, ring);
      const expected = rotatedParts(qkv, position, dims);
      const rowWords = tokenWords(type, dims);
      const taken = new Set(Array.from({ length: T }, (_, t) => (position + t) % ring));
      for (const [what, error] of [
        ['keys', CLOSE.abs],
        ['values', 0],
      ] as const) {
        for (let t = 0; t < T; t++) {
          const row = ((position + t) % ring) * width;
          const exact = expected[what].subarray(t * width, (t + 1) * width);
          expectStored(type, held[what].subarray(row, row + width), exact, dims.headDim, { error, what });
        }
        for (let row = 0; row < ring; row++) {
          if (taken.has(row)) continue;
          const at = [row * rowWords, (row + 1) * rowWords] as const;
          expect(after[what].subarray(...at)).toEqual(before[what].subarray(...at));
        }
      }
    }
  });

  it('makes what f16 cannot hold the largest that it can', async () => {
    const dims = { ...ATTENTION_SHAPES[4]!, kvHeads: 1 };
    const qkv = new Float32Array(qkvWidth(dims));
    qkv.set([7e4, -7e4, 65_519, 1e30, -1e30, 65_504, -65_504, 1], dims.heads * dims.headDim);
    const { cache, words } = testCache(gpu(), 'f16', dims, pastOf(1, 1, dims));
    const buffers = { rope: gpu().input(new Float32Array(4)), qkv: gpu().output(qkv) };
    await gpu().run(ropeKvAppend(gpu().features, 'test', buffers, cache, dims), { tokens: 1, position: 0 });
    const { keys, values } = heldBy('f16', dims, await words(), 1);
    expect([...keys]).toEqual([65_504, -65_504, 65_504, 65_504]);
    expect([...values]).toEqual([-65_504, 65_504, -65_504, 1]);
  });
});
