import { expect, it } from 'vitest';
import { Model } from '../model/model.ts';
import { describeGpu } from '../testing/kernels/device.ts';
import { acceptDraftKernel } from '../kernels/sampling/accept_draft.ts';
import { measureLookup, roomOfLookup } from './lookup.ts';
import { SHAPES } from './shapes.ts';
import { syntheticWeights } from './synthetic-weights.ts';

// What the benchmark of drafts measures is steps whose drafts are all right, and answers without any.

describeGpu(acceptDraftKernel, (gpu) => {
  it('is measured by the benchmark', { timeout: 120_000 }, async () => {
    const settings = { runs: 1, tokens: 8, warmUp: 2 };
    const weights = await syntheticWeights(gpu().gpu, SHAPES.tiny, 'f32');
    const model = await Model.create(gpu().gpu, SHAPES.tiny, weights, { contextLength: roomOfLookup(16, settings) });
    try {
      const speed = (await measureLookup(model, 16, [4], {}, settings))!;
      expect(speed.steps.map(({ positions }) => positions)).toEqual([4]);
      for (const { secondsPerStep, speedUp, breakEven } of speed.steps) {
        expect(secondsPerStep).toBeGreaterThan(0);
        expect(speedUp).toBeGreaterThan(0);
        expect(breakEven).toBeGreaterThanOrEqual(0);
      }
      for (const answer of [speed.repeating, speed.random]) {
        expect(Math.min(answer.without, answer.lookup)).toBeGreaterThan(0);
      }
      expect(speed.bytes).toBeGreaterThan(0);
    } finally {
      model.dispose();
    }
  });
});
