import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readFloats, slice } from '../../gpu/buffers.ts';
import { Gpu } from '../../gpu/device.ts';
import type { Model } from '../../model/model.ts';
import { expectClose } from '../../testing/close.ts';
import { architectureOf, stateTraits } from '../../testing/checkpoints/config-traits.ts';
import { hasAdapter } from '../../testing/dawn.ts';
import { covering } from '../../testing/extent.ts';
import { FAMILY_CONFIGS } from '../../testing/checkpoints/family-configs.ts';
import { loadRandomModel } from '../../testing/models/random-model.ts';
import { sharedGpu } from '../../testing/engines/shared-gpu.ts';
import { readStateFile, type StateOwner, writeStateFile } from './state-files.ts';

// A state that went through bytes is the state that it was: what follows has the logits that it would have had.

/** As the conversation's own property has it: of the largest. */
const CLOSE = { ofLargest: 2e-4 };
const binding = { model: 'm', shaders: 's', scheme: 'f32' };
const cases = covering(FAMILY_CONFIGS, (config) => stateTraits(architectureOf(config)));

describe.skipIf(!hasAdapter)('a state as a file', () => {
  let gpu: Gpu;
  beforeAll(async () => {
    gpu = await Gpu.request({ gpu: sharedGpu() });
  });
  afterAll(() => gpu?.dispose());

  const logits = (model: Model) => readFloats(gpu.device, slice(model.promptLogits));

  it.each(cases)('of %s goes on as it would have', { timeout: 120_000 }, async (_name, config) => {
    const model = await loadRandomModel(gpu, config);
    const owner: StateOwner = { model, binding, name: 'random' };
    const vocabulary = model.architecture.vocabSize;
    const ids = (count: number, seed: number) =>
      Array.from({ length: count }, (_, index) => (seed * 31 + index * index * 7 + index) % vocabulary);
    try {
      // The second needs more room than a new sequence has.
      for (const [before, after] of [
        [1, 3],
        [270, 2],
      ] as const) {
        model.state.reset();
        const past = ids(before, after);
        await model.prefill(past, { logits: true });
        const atEnd = await logits(model);
        const file = await writeStateFile(owner, { note: 'mine' });
        // Nothing but what is in use is written.
        expect(file.length).toBeLessThan(model.state.bytes + 4 * vocabulary + 10_000);
        await model.prefill(ids(after, 5), { logits: true });
        const expected = await logits(model);

        model.state.reset();
        await model.prefill(ids(7, 2), { logits: true });
        await readStateFile(owner, file, async ({ tokens, extra }) => {
          expect(tokens).toEqual(past);
          expect(extra).toEqual({ note: 'mine' });
        });
        expect(model.state.tokens).toEqual(past);
        expect(await logits(model)).toEqual(atEnd);
        await model.prefill(ids(after, 5), { logits: true });
        expectClose(await logits(model), expected, CLOSE);

        // What is damaged changes nothing.
        const tokens = [...model.state.tokens];
        file[file.length - 1]! ^= 1;
        await expect(readStateFile(owner, file, async () => {})).rejects.toMatchObject({ code: 'state_invalid' });
        expect(model.state.tokens).toEqual(tokens);
        await model.prefill(ids(1, 1), { logits: true });
      }
    } finally {
      model.dispose();
    }
  });

  it('that cannot be brought back whole leaves an empty sequence', { timeout: 120_000 }, async () => {
    const model = await loadRandomModel(gpu, cases[0]![1]);
    const fault = new Error('The disk is gone.');
    try {
      await model.prefill([1, 2, 3], { logits: true });
      await expect(
        model.adopt([4, 5], async () => {
          throw fault;
        }),
      ).rejects.toBe(fault);
      expect(model.state.tokens).toEqual([]);
      await model.prefill([1, 2, 3], { logits: true });
      const again = await logits(model);
      model.state.reset();
      await model.prefill([1, 2, 3], { logits: true });
      expect(again).toEqual(await logits(model));
    } finally {
      model.dispose();
    }
  });
});
