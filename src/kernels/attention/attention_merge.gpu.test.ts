import { it } from 'vitest';
import { MIN_SPAN, partialAttention, usedSplits } from '../../testing/kernels/attention-cases.ts';
import { expectClose } from '../../testing/close.ts';
import { describeGpu } from '../../testing/kernels/device.ts';
import { ATTENTION_SPLITS } from './attention-shape.ts';
import { attentionMerge, attentionMergeKernel } from './attention_merge.ts';

describeGpu(attentionMergeKernel, (gpu) => {
  it.each([
    [1, 4, 32],
    [MIN_SPAN, 3, 4],
    [MIN_SPAN + 1, 2, 80],
    [ATTENTION_SPLITS * MIN_SPAN, 5, 20],
    [20 * MIN_SPAN, 1, 256],
    [20 * MIN_SPAN, 70, 4],
    [20 * MIN_SPAN, 2, 8, 3 * MIN_SPAN],
  ])('of %d tokens and %d heads of %d is the weighted mean', async (length, heads, headDim, segmentTokens = 1e9) => {
    const { partial, merged } = partialAttention(length, heads, headDim, usedSplits(Math.min(length, segmentTokens)));
    const unread = gpu().input(new Float32Array(4));
    const segment = { keys: unread, values: unread, first: 0, tokens: segmentTokens };
    const o = gpu().output(heads * headDim);
    const spec = attentionMerge(
      gpu().features,
      'test',
      { partial: gpu().input(partial), o },
      { type: 'f32', segments: [segment] },
      { heads, kvHeads: 1, headDim, scale: 1, ropeDims: 0 },
    );
    await gpu().run(spec, { tokens: 1, position: length - 1 });
    // Exponentials of differences of scores up to 100 add 2e-5.
    expectClose(await gpu().read(o), merged, { ofLargest: 2e-5 }, 'merged attention');
  });
});
