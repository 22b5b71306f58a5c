import fc from 'fast-check';
import { expect, it } from 'vitest';
import { ropeTable } from '../../reference/rope.ts';
import { randomTensor, seeds, sizes } from '../../testing/arbitrary.ts';
import { ATTENTION_SHAPES, attentionReference, embeddingOf, pastOf, qkvWidth } from '../../testing/attention-cases.ts';
import { HALF_ULP } from '../../testing/bounds.ts';
import { expectClose } from '../../testing/close.ts';
import { describeGpu } from '../../testing/device.ts';
import { ropeKvAppend, ropeKvAppendKernel } from './rope_kv_append.ts';

// Two products and a sum, of a table that is rounded once; components are below 10.
const CLOSE = { abs: 10 * 4 * HALF_ULP };

describeGpu(ropeKvAppendKernel, (gpu) => {
  it.each(ATTENTION_SHAPES)(
    'rotates q, appends k and v, touches nothing else, for $heads heads over $kvHeads of $headDim',
    async (dims) => {
      await fc.assert(
        fc.asyncProperty(
          seeds(),
          sizes({ tile: 4, most: 9 }),
          fc.constantFrom(0, 1, 3, 40, 300),
          fc.nat(2),
          async (seed, T, position, spare) => {
            const { heads, kvHeads, headDim } = dims;
            const width = qkvWidth(dims);
            const row = kvHeads * headDim;
            const qkv = randomTensor(seed, T * width);
            const past = pastOf(seed + 1, position, dims);
            const rest = randomTensor(seed + 3, (T + spare) * row);
            const caches = [past.keys, past.values].map((held) => gpu().output([...held, ...rest]));
            const embedding = embeddingOf(dims);
            const table = embedding ? ropeTable(embedding, position + T) : new Float32Array(4);
            const output = gpu().output(qkv);
            const buffers = { rope: gpu().input(table), qkv: output, k_cache: caches[0]!, v_cache: caches[1]! };
            await gpu().run(ropeKvAppend(gpu().features, 'test', buffers, dims), { tokens: T, position });

            const expected = attentionReference(qkv, past, dims);
            const turned = await gpu().read(output);
            const inQ = (i: number) => i % width < heads * headDim;
            expectClose(
              turned.filter((_, i) => inQ(i)),
              expected.q,
              CLOSE,
              'q',
            );
            expect(turned.filter((_, i) => !inQ(i))).toEqual(qkv.filter((_, i) => !inQ(i)));
            const [keys, values] = [await gpu().read(caches[0]!), await gpu().read(caches[1]!)];
            const end = (position + T) * row;
            expectClose(keys.subarray(0, end), expected.keys, CLOSE, 'keys');
            expect([...values.subarray(0, end)]).toEqual([...expected.values]);
            // What came before is kept to the bit, and so is what lies behind.
            expect(keys.subarray(0, position * row)).toEqual(past.keys);
            expect(keys.subarray(end)).toEqual(rest.subarray(T * row));
            expect(values.subarray(end)).toEqual(rest.subarray(T * row));
          },
        ),
        { numRuns: 5 },
      );
    },
  );
});
