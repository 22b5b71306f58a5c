import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { attention } from '../../reference/attention.ts';
import { ropeTable } from '../../reference/rope.ts';
import { randomTensor, seeds } from '../../testing/arbitrary.ts';
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
  usedSplits,
  MIN_SPAN,
} from '../../testing/kernels/attention-cases.ts';
import { expectClose } from '../../testing/close.ts';
import { describeGpu } from '../../testing/kernels/device.ts';
import { ATTENTION_SPLITS, type AttentionDims } from './attention-shape.ts';
import { attentionDecode, attentionDecodeKernel, attentionPartialFloats } from './attention_decode.ts';
import { CACHE_TYPES, type CacheType } from './kv-cache.ts';

/** Tokens before the new one: around the 64 keys of a tile, and around those of one split and of two. */
const PASTS = [
  0,
  1,
  31,
  32,
  33,
  63,
  64,
  65,
  100,
  128,
  129,
  ...[-2, -1, 0, 1].flatMap((i) => [MIN_SPAN + i, 2 * MIN_SPAN + i]),
];
/** Around all splits at their least, beyond which they grow: then the last is shorter, or there are fewer. */
const LONG_PASTS = [-2, -1, 0, 1, 15, 16, 17, 905].map((i) => ATTENTION_SPLITS * MIN_SPAN + i);

/** What splits without keys held before and still hold. */
const UNWRITTEN = -7;

/** Rows behind that of the new token, which hold what must not be read, as it does. */
const SPARE = 9;

interface Settings {
  type?: CacheType;
  ring?: number;
  segmentTokens?: number;
  halted?: boolean;
}

describeGpu(attentionDecodeKernel, (gpu, { share }) => {
  async function run(
    qkv: Float32Array,
    past: ReturnType<typeof pastOf>,
    dims: AttentionDims,
    position: number,
    { type = 'f32', segmentTokens, ring, halted = false }: Settings = {},
  ) {
    const { kvHeads, headDim } = dims;
    const embedding = embeddingOf(dims);
    const behind = new Float32Array((SPARE + 1) * kvHeads * headDim).fill(1e30);
    const withBehind = (rows: Float32Array) => Float32Array.from([...rows, ...behind]);
    const filled = { keys: withBehind(past.keys), values: withBehind(past.values) };
    const {
      cache,
      written: before,
      words,
    } = ring === undefined
      ? testCache(gpu(), type, dims, filled, segmentTokens)
      : testRing(gpu(), type, dims, past, ring);
    const partial = gpu().output(new Float32Array(attentionPartialFloats(dims)).fill(UNWRITTEN));
    const buffers = {
      qkv: gpu().input(qkv),
      rope: gpu().input(embedding ? ropeTable(embedding, position + 1) : new Float32Array(4)),
      partial,
    };
    const specs = attentionDecode(gpu().features, 'test', buffers, cache, dims);
    expect(specs).toHaveLength(cache.segments.length);
    await gpu().run(specs, { tokens: 1, position, halted });
    const after = await words();
    const row = tokenWords(type, dims);
    const newRow = position % (ring ?? Infinity);
    for (const what of ['keys', 'values'] as const) {
      expect(after[what].subarray(0, newRow * row)).toEqual(before[what].subarray(0, newRow * row));
      expect(after[what].subarray((newRow + 1) * row)).toEqual(before[what].subarray((newRow + 1) * row));
    }
    const splits = usedSplits(Math.min(position + 1, segmentTokens ?? Infinity, dims.window ?? Infinity));
    const written = await gpu().read(partial);
    const behindSplits = written.subarray(splits * dims.heads * (headDim + 4));
    expect(behindSplits.every((value) => value === UNWRITTEN)).toBe(true);
    return { y: merged(written, splits, dims), ...heldBy(type, dims, after, ring ?? position + 1) };
  }

  /** The mean over the splits, weighted by their sums of exponentials: what attention_merge_matvec_add_to_norm takes. */
  function merged(partial: Float32Array, used: number, { heads, headDim }: AttentionDims): Float64Array {
    const y = new Float64Array(heads * headDim);
    for (let head = 0; head < heads; head++) {
      const splits = Array.from({ length: used }, (_, split) => {
        const at = (split * heads + head) * (headDim + 4);
        return {
          output: partial.subarray(at, at + headDim),
          highest: partial[at + headDim]!,
          total: partial[at + headDim + 1]!,
        };
      });
      const highest = Math.max(...splits.map((split) => split.highest));
      const total = splits.reduce((sum, split) => sum + split.total * Math.exp(split.highest - highest), 0);
      for (let i = 0; i < headDim; i++) {
        const sum = splits.reduce((s, split) => s + split.output[i]! * Math.exp(split.highest - highest), 0);
        y[head * headDim + i] = sum / total;
      }
    }
    return y;
  }

  /** The new row is stored as it should be, and the answer is that over what is stored. */
  async function expectReference(
    seed: number,
    dims: AttentionDims,
    position: number,
    { scale = 1, abs = 1e-5, ...settings }: Settings & { scale?: number; abs?: number } = {},
  ) {
    const { type = 'f32' } = settings;
    const { headDim } = dims;
    const qkv = randomTensor(seed, qkvWidth(dims), scale);
    const past = pastOf(seed + 1, position, dims);
    const { y, keys, values } = await run(qkv, past, dims, position, settings);
    const exact = rotatedParts(qkv, position, dims);
    const at = position * dims.kvHeads * headDim;
    const error = 1e-5 * scale;
    expectStored(type, keys.subarray(at), exact.keys, headDim, { error, what: 'key' });
    expectStored(type, values.subarray(at), exact.values, headDim, { error: 0, what: 'value' });
    expectClose(y, attention(exact.q, keys, values, dims, position), { abs: abs * scale }, 'y');
  }

  it('sees the latest keys alone in a ring, before it is full and after, with capped scores', async () => {
    const { window, ring, scoreCap } = WINDOWED;
    for (const [index, shape] of share([ATTENTION_SHAPES[1]!, ATTENTION_SHAPES[3]!, ATTENTION_SHAPES[6]!]).entries()) {
      const dims = { ...shape, window, scoreCap };
      for (const position of [0, 22, 23, 24, 63, 64, 65, 300]) {
        const qkv = randomTensor(position + index, qkvWidth(dims));
        const past = pastOf(position + index + 1, position, dims);
        const { y, keys } = await run(qkv, past, dims, position, { ring });
        const { q, keys: newKeys, values } = rotatedParts(qkv, position, dims);
        const width = dims.kvHeads * dims.headDim;
        const newRow = position % ring;
        expectClose(keys.subarray(newRow * width, (newRow + 1) * width), newKeys, { abs: 1e-5 }, 'key');
        const all = { keys: [...past.keys, ...newKeys], values: [...past.values, ...values] };
        // tanh is as inexact as WGSL lets it be: some 2^-18 of a score.
        expectClose(y, attention(q, all.keys, all.values, dims, position), { abs: 5e-5 }, `at ${position}`);
      }
    }
    // A window of more keys than a split has.
    const wide = { ...ATTENTION_SHAPES[1]!, window: 2 * MIN_SPAN + 7 };
    const position = 3 * MIN_SPAN;
    const qkv = randomTensor(1, qkvWidth(wide));
    const past = pastOf(2, position, wide);
    const { y } = await run(qkv, past, wide, position, { ring: 3 * MIN_SPAN });
    const { q, keys, values } = rotatedParts(qkv, position, wide);
    const all = { keys: [...past.keys, ...keys], values: [...past.values, ...values] };
    expectClose(y, attention(q, all.keys, all.values, wide, position), { abs: 1e-5 });
  });

  it.each(share(ATTENTION_SHAPES))(
    'is the reference for any past, also shorter than the splits, for $heads heads over $kvHeads of $headDim',
    async (dims) => {
      await fc.assert(
        fc.asyncProperty(seeds(), fc.constantFrom(...PASTS), async (seed, position) => {
          await expectReference(seed, dims, position);
        }),
        { numRuns: 4 },
      );
    },
  );

  it('is the reference at every length around tiles and splits', async () => {
    for (const position of share([...PASTS, ...LONG_PASTS]))
      await expectReference(position, ATTENTION_SHAPES[5]!, position);
  });

  it("is the reference at Bamba-9B's shape, at every length around a tile", async () => {
    const dims = { ...ATTENTION_SHAPES[0]!, heads: 32, kvHeads: 8 };
    for (const position of share([0, 31, 32, 4 * MIN_SPAN + 1])) await expectReference(position, dims, position);
  });

  it('survives scores that would overflow', async () => {
    // Scores of some thousand: their rounding, 2^-24 of it, is an absolute error in the exponent.
    await expectReference(5, ATTENTION_SHAPES[1]!, 300, { scale: 100, abs: 1e-3 });
  });

  it('keeps the past while halted', async () => {
    const [dims, position] = [ATTENTION_SHAPES[1]!, MIN_SPAN + 6];
    const past = pastOf(4, position, dims);
    const after = await run(randomTensor(3, qkvWidth(dims)), past, dims, position, { halted: true });
    expect(after.keys.subarray(0, past.keys.length)).toEqual(past.keys);
    expect(after.values.subarray(0, past.values.length)).toEqual(past.values);
  });

  it('takes every query head of a wide group', async () => {
    // The last two have more than a workgroup has rows for.
    const wide = [
      { ...ATTENTION_SHAPES[1]!, heads: 24 },
      { ...ATTENTION_SHAPES[6]!, heads: 11 },
      { ...ATTENTION_SHAPES[0]!, heads: 66 },
    ];
    for (const dims of share(wide)) await expectReference(6, dims, dims.heads > 24 ? 300 : 77);
  });

  describe.each(CACHE_TYPES)('over a cache of %s', (type) => {
    it.each(share(ATTENTION_SHAPES, CACHE_TYPES.indexOf(type)))(
      'is the reference for $heads heads over $kvHeads of $headDim',
      async (dims) => {
        for (const position of [0, 33, MIN_SPAN]) await expectReference(position, dims, position, { type });
      },
    );

    it('is the reference over segments, full and not, of one split and of several', async () => {
      const dims = ATTENTION_SHAPES[5]!;
      for (const position of share([0, 63, 64, 65, 127, 128, 200])) {
        await expectReference(position, dims, position, { type, segmentTokens: 64 });
      }
      for (const position of share([2 * MIN_SPAN, 2 * MIN_SPAN + 1, 5 * MIN_SPAN + 3])) {
        await expectReference(position, dims, position, { type, segmentTokens: 2 * MIN_SPAN });
      }
    });
  });

  it('is the reference behind 64K tokens and 128K, in the segments that these have', async () => {
    for (const position of share([65_536, 131_071])) {
      await expectReference(position, ATTENTION_SHAPES[4]!, position, { segmentTokens: 16_384 });
    }
  });

  it('weighs segments by their scores, however far these are apart', async () => {
    await expectReference(9, ATTENTION_SHAPES[1]!, 300, { scale: 100, abs: 1e-3, segmentTokens: 64 });
  });
});
