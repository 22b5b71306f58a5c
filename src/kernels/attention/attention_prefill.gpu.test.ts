import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { attention } from '../../reference/attention.ts';
import { randomTensor, seeds, sizes } from '../../testing/arbitrary.ts';
import {
  ATTENTION_SHAPES,
  heldBy,
  pastOf,
  testCache,
  testRing,
  WINDOWED,
} from '../../testing/kernels/attention-cases.ts';
import { expectClose } from '../../testing/close.ts';
import { describeGpu } from '../../testing/kernels/device.ts';
import { unrolledTiles } from '../../testing/kernels/matmul-tiles.ts';
import { partOf } from '../../testing/extent.ts';
import type { AttentionDims } from './attention-shape.ts';
import { attentionPrefill, attentionPrefillKernel, attentionSumsFloats } from './attention_prefill.ts';
import { CACHE_TYPES, type CacheType } from './kv-cache.ts';

// A mean of values of about 1, weighted with exponentials of scores of up to 10 or 20 in magnitude.
const CLOSE = { abs: 1e-5 };

describeGpu(attentionPrefillKernel, (gpu) => {
  interface Case {
    /** (T, heads, headDim) */
    q: Float32Array;
    /** (position + T, J, headDim) */
    keys: Float32Array;
    values: Float32Array;
  }

  interface Settings {
    type?: CacheType;
    segmentTokens?: number;
    ring?: number;
    /** Whether the products of a step are written out, as on a GPU. */
    written?: boolean;
  }

  function attentionCase(seed: number, T: number, position: number, dims: AttentionDims): Case {
    return { q: randomTensor(seed, T * dims.heads * dims.headDim), ...pastOf(seed + 1, position + T, dims) };
  }

  async function run(
    { q, keys, values }: Case,
    dims: AttentionDims,
    position: number,
    { type = 'f32', segmentTokens, ring, written = false }: Settings = {},
  ): Promise<Float32Array> {
    const { heads, kvHeads, headDim } = dims;
    const T = q.length / (heads * headDim);
    // The k and v of qkv are in the cache already: here they must not be read.
    const qkv = new Float32Array(T * (heads + 2 * kvHeads) * headDim).fill(NaN);
    for (let t = 0; t < T; t++) {
      qkv.set(q.subarray(t * heads * headDim, (t + 1) * heads * headDim), t * (heads + 2 * kvHeads) * headDim);
    }
    const behind = new Float32Array(40 * kvHeads * headDim).fill(type === 'f32' ? NaN : 1e30); // room for more
    const held = { keys: Float32Array.from([...keys, ...behind]), values: Float32Array.from([...values, ...behind]) };
    const { cache } =
      ring === undefined
        ? testCache(gpu(), type, dims, held, segmentTokens)
        : testRing(gpu(), type, dims, { keys, values }, ring);
    const y = gpu().output(q.length);
    const sums = gpu().output(attentionSumsFloats(dims, T));
    const specs = attentionPrefill(gpu().features, 'test', { qkv: gpu().input(qkv), y, sums }, cache, dims);
    expect(specs).toHaveLength(cache.segments.length);
    await gpu().run(written ? unrolledTiles(specs) : specs, { tokens: T, position });
    await gpu().read(sums); // nothing is written behind them
    return gpu().read(y);
  }

  it.each(ATTENTION_SHAPES)(
    'is the reference for any length and past, for $heads heads over $kvHeads of $headDim',
    async (dims) => {
      await fc.assert(
        fc.asyncProperty(
          seeds(),
          sizes({ tile: 16, most: 33 }),
          fc.constantFrom(0, 1, 15, 31, 32, 33, 70),
          async (seed, T, position) => {
            const given = attentionCase(seed, T, position, dims);
            const expected = attention(given.q, given.keys, given.values, dims, position);
            expectClose(await run(given, dims, position), expected, CLOSE);
          },
        ),
        { numRuns: 6 },
      );
    },
  );

  it('sees the latest keys alone in a ring, before it is full and after, with capped scores', async () => {
    const { window, ring, scoreCap } = WINDOWED;
    for (const [index, shape] of [ATTENTION_SHAPES[1]!, ATTENTION_SHAPES[3]!, ATTENTION_SHAPES[6]!].entries()) {
      const dims = { ...shape, window, scoreCap };
      for (const [T, position] of [
        [1, 0],
        [33, 0],
        [41, 23],
        [17, 24],
        [40, 60],
        [1, 100],
        [41, 300],
      ] as const) {
        const given = attentionCase(T + index, T, position, dims);
        const expected = attention(given.q, given.keys, given.values, dims, position);
        // tanh is as inexact as WGSL lets it be: some 2^-18 of a score.
        expectClose(await run(given, dims, position, { ring }), expected, { abs: 5e-5 }, `${T} tokens at ${position}`);
      }
    }
  });

  it.each([0, 4, 7])('gives the same with its products written out, in shape %i', async (shape) => {
    const dims = ATTENTION_SHAPES[shape]!;
    for (const [T, position] of [
      [1, 0],
      [35, 33],
    ] as const) {
      const given = attentionCase(T, T, position, dims);
      expect(await run(given, dims, position, { written: true })).toEqual(await run(given, dims, position));
    }
  });

  it('gives the same in parts, wherever a prompt is split', async () => {
    const dims = ATTENTION_SHAPES[1]!;
    const row = dims.heads * dims.headDim;
    const given = attentionCase(1, 70, 0, dims);
    const whole = await run(given, dims, 0);
    const kvRow = dims.kvHeads * dims.headDim;
    for (const split of [1, 2, 3, 63, 64, 65]) {
      const upTo = (end: number) => ({
        keys: given.keys.slice(0, end * kvRow),
        values: given.values.slice(0, end * kvRow),
      });
      const first = await run({ q: given.q.slice(0, split * row), ...upTo(split) }, dims, 0);
      const second = await run({ q: given.q.slice(split * row), ...upTo(70) }, dims, split);
      expectClose([...first, ...second], whole, CLOSE, `split at ${split}`);
    }
  });

  it('does not let later tokens change earlier ones', async () => {
    const dims = ATTENTION_SHAPES[3]!;
    const [row, kvRow] = [dims.heads * dims.headDim, dims.kvHeads * dims.headDim];
    const given = attentionCase(2, 40, 0, dims);
    const before = await run(given, dims, 0);
    given.q.fill(3, 30 * row);
    given.keys.fill(50, 30 * kvRow);
    given.values.fill(1e4, 30 * kvRow);
    const after = await run(given, dims, 0);
    expect(after.subarray(0, 30 * row)).toEqual(before.subarray(0, 30 * row));
    expect(after.subarray(30 * row)).not.toEqual(before.subarray(30 * row));
  });

  it('survives scores that would overflow, and weighs equal ones equally', async () => {
    const dims = ATTENTION_SHAPES[1]!;
    const given = attentionCase(3, 40, 3, dims);
    const large = { ...given, q: given.q.map((value) => value * 1e3) };
    // Scores of some thousand: their rounding, 2^-24 of it, is an absolute error in the exponent.
    expectClose(await run(large, dims, 3), attention(large.q, large.keys, large.values, dims, 3), { abs: 5e-3 });
    const zeros = { ...given, q: new Float32Array(given.q.length) };
    expectClose(await run(zeros, dims, 3), attention(zeros.q, zeros.keys, zeros.values, dims, 3), CLOSE);
  });

  describe.each(CACHE_TYPES)('over a cache of %s', (type) => {
    const { share } = partOf(CACHE_TYPES.indexOf(type), CACHE_TYPES.length);
    /** The reference over what is stored. */
    async function expectReference(
      seed: number,
      T: number,
      position: number,
      dims: AttentionDims,
      segmentTokens?: number,
    ) {
      const given = attentionCase(seed, T, position, dims);
      const { written } = testCache(gpu(), type, dims, given);
      const held = heldBy(type, dims, written, position + T);
      const expected = attention(given.q, held.keys, held.values, dims, position);
      const settings = { type, ...(segmentTokens !== undefined && { segmentTokens }) };
      expectClose(await run(given, dims, position, settings), expected, CLOSE, `${T} tokens at ${position}`);
    }

    it.each(share(ATTENTION_SHAPES))('is the reference for $heads heads over $kvHeads of $headDim', async (dims) => {
      for (const [T, position] of [
        [1, 0],
        [33, 31],
      ] as const) {
        await expectReference(T + position, T, position, dims);
      }
    });

    it('is the reference over segments, of which a chunk may begin in one and end in another', async () => {
      // One of the shapes that the type is tried with: another is a program more.
      const dims = share(ATTENTION_SHAPES)[1]!;
      for (const [T, position] of [
        [70, 0],
        [1, 64],
        [40, 50],
        [64, 64],
        [33, 200],
      ] as const) {
        await expectReference(T, T, position, dims, 64);
      }
      await expectReference(5, 25, 3, dims, 10);
    });
  });

  it('is the reference behind 64K tokens, in the segments that these have', async () => {
    const dims = ATTENTION_SHAPES[4]!;
    const given = attentionCase(6, 34, 65_530, dims);
    const expected = attention(given.q, given.keys, given.values, dims, 65_530);
    expectClose(await run(given, dims, 65_530, { segmentTokens: 16_384 }), expected, CLOSE);
  });

  it('weighs segments by their scores, however far these are apart', async () => {
    const dims = ATTENTION_SHAPES[1]!;
    const given = attentionCase(3, 40, 60, dims);
    const large = { ...given, q: given.q.map((value) => value * 1e3) };
    const expected = attention(large.q, large.keys, large.values, dims, 60);
    expectClose(await run(large, dims, 60, { segmentTokens: 32 }), expected, { abs: 5e-3 });
  });
});
