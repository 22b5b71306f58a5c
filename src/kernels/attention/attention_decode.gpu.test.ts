import fc from 'fast-check';
import { expect, it } from 'vitest';
import { ropeTable } from '../../reference/rope.ts';
import { randomTensor, seeds } from '../../testing/arbitrary.ts';
import {
  ATTENTION_SHAPES,
  attentionReference,
  embeddingOf,
  pastOf,
  qkvWidth,
  usedSplits,
  MIN_SPAN,
} from '../../testing/attention-cases.ts';
import { expectClose } from '../../testing/close.ts';
import { describeGpu } from '../../testing/device.ts';
import { ATTENTION_SPLITS, type AttentionDims } from './attention-shape.ts';
import { attentionDecode, attentionDecodeKernel, attentionPartialFloats } from './attention_decode.ts';

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

describeGpu(attentionDecodeKernel, (gpu, { share }) => {
  async function run(
    qkv: Float32Array,
    past: ReturnType<typeof pastOf>,
    dims: AttentionDims,
    position: number,
    halted = false,
  ) {
    const { kvHeads, headDim } = dims;
    const embedding = embeddingOf(dims);
    // The row of the new token, and rows behind it, hold what must not be read.
    const behind = new Float32Array(9 * kvHeads * headDim).fill(1e30);
    const [k_cache, v_cache] = [past.keys, past.values].map((held) => gpu().output([...held, ...behind]));
    const partial = gpu().output(new Float32Array(attentionPartialFloats(dims)).fill(UNWRITTEN));
    const buffers = {
      qkv: gpu().input(qkv),
      rope: gpu().input(embedding ? ropeTable(embedding, position + 1) : new Float32Array(4)),
      k_cache: k_cache!,
      v_cache: v_cache!,
      partial,
    };
    await gpu().run(attentionDecode(gpu().features, 'test', buffers, dims), { tokens: 1, position, halted });
    const end = (position + 1) * kvHeads * headDim;
    const [keys, values] = [await gpu().read(k_cache!), await gpu().read(v_cache!)];
    expect(keys.subarray(end)).toEqual(behind.subarray(kvHeads * headDim));
    expect(values.subarray(end)).toEqual(behind.subarray(kvHeads * headDim));
    const splits = usedSplits(position + 1);
    const written = await gpu().read(partial);
    const behindSplits = written.subarray(splits * dims.heads * (headDim + 4));
    expect(behindSplits.every((value) => value === UNWRITTEN)).toBe(true);
    return {
      y: merged(written, splits, dims),
      keys: keys.subarray(0, end),
      values: values.subarray(0, end),
    };
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

  async function expectReference(seed: number, dims: AttentionDims, position: number, scale = 1, abs = 1e-5) {
    const qkv = randomTensor(seed, qkvWidth(dims), scale);
    const past = pastOf(seed + 1, position, dims);
    const actual = await run(qkv, past, dims, position);
    const expected = attentionReference(qkv, past, dims);
    expectClose(actual.y, expected.y, { abs: abs * scale }, 'y');
    expectClose(actual.keys, expected.keys, { abs: 1e-5 * scale }, 'keys');
    expect([...actual.values]).toEqual([...expected.values]);
  }

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
    await expectReference(5, ATTENTION_SHAPES[1]!, 300, 100, 1e-3);
  });

  it('keeps the past while halted', async () => {
    const [dims, position] = [ATTENTION_SHAPES[1]!, MIN_SPAN + 6];
    const past = pastOf(4, position, dims);
    const after = await run(randomTensor(3, qkvWidth(dims)), past, dims, position, true);
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
});
