import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Gpu } from '../gpu/device.ts';
import { GREEDY } from '../sampling.ts';
import { expectClose } from '../testing/close.ts';
import { hasAdapter } from '../testing/dawn.ts';
import { expectSnapshots } from '../testing/models/random-model.ts';
import { sharedGpu } from '../testing/engines/shared-gpu.ts';
import { loadTinyModel } from '../testing/models/tiny-model.ts';
import { forward } from './forward.ts';
import type { Model } from './model.ts';
import { tuneModel } from './tune.ts';

const IDS = [301, 17, 44, 5, 230, 91, 77, 402, 8, 9, 10, 11, 12, 300, 299, 298, 297, 14, 15, 16];

describe.skipIf(!hasAdapter)('tuning', () => {
  let gpu: Gpu;
  let model: Model;
  beforeAll(async () => {
    gpu = await Gpu.request({ gpu: sharedGpu() });
    model = await loadTinyModel(gpu, { contextLength: 64 });
  });
  afterAll(() => {
    model?.dispose();
    gpu?.dispose();
  });

  test('keeps what was fastest, and leaves the model as it is', async () => {
    await model.prefill(IDS.slice(0, 5));
    const shown: string[] = [];
    const { tuning, trials } = await tuneModel(model, {
      candidates: { matvecSubgroups: [8], narrowRows: [2560], chunkTokens: [16] },
      onTrial: ({ what, value }) => shown.push(`${what} ${value}`),
    });
    const tried = trials.map(({ what, value }) => `${what} ${value}`);
    expect(shown).toEqual(tried);
    const first = model.tuning;
    expect(new Set(tried)).toEqual(
      new Set([
        ...[first.matvecSubgroups, 8].map((value) => `matvecSubgroups ${value}`),
        ...[first.narrowRows, 2560].map((value) => `narrowRows ${value}`),
        ...[first.chunkTokens, 16].map((value) => `chunkTokens ${value}`),
      ]),
    );
    for (const what of ['matvecSubgroups', 'narrowRows', 'chunkTokens'] as const) {
      const seconds = trials.filter((trial) => trial.what === what);
      const kept = seconds.find(({ value }) => value === tuning[what])!;
      expect(kept.secondsPerToken).toBeGreaterThan(0);
      // What stood stays unless something is faster by more than noise.
      for (const { secondsPerToken } of seconds) expect(secondsPerToken).toBeGreaterThan(0.95 * kept.secondsPerToken);
    }
    expect(model.state.tokens).toEqual(IDS.slice(0, 5));
    expect((await forward(model, IDS.slice(5))).logits.every(Number.isFinite)).toBe(true);
    expect(model.tuning).toEqual(first);
  });

  test('changes no result but its rounding', async () => {
    model.state.reset();
    const prompt = await forward(model, IDS);
    const sibling = await model.sibling({ matvecSubgroups: 8, narrowRows: 2560, chunkTokens: 16 });
    expect(sibling.chunkTokens).toBe(16);
    const other = await forward(sibling, IDS);
    expectClose(other.logits, prompt.logits, { ofLargest: 1e-5 }, 'logits of a prompt');
    await expectSnapshots(sibling, [...IDS, ...IDS]);
    // Decoding has the matvecs: a greedy answer of both.
    const answers = [];
    for (const one of [model, sibling]) {
      one.state.reset();
      await one.prefill(IDS, { logits: true });
      const begun = await one.beginAnswer({ values: GREEDY, limit: 8, stopIds: [], promptIds: [] });
      answers.push([...begun.ids, ...(await one.decode(7)).ids]);
    }
    expect(answers[0]).toHaveLength(8);
    expect(answers[1]).toEqual(answers[0]);
    sibling.dispose();
    // The weights are still there.
    model.state.reset();
    expect((await forward(model, IDS)).logits).toEqual(prompt.logits);
  });
});
