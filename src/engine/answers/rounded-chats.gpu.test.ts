import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadModel } from '../loading/load.ts';
import { Gpu } from '../../gpu/device.ts';
import { GREEDY } from '../../sampling.ts';
import { hasAdapter } from '../../testing/dawn.ts';
import { ALL } from '../../testing/extent.ts';
import { type GoldenTurn, otherChats, typedChats } from '../../testing/models/golden-chats.ts';
import { openLexiconPackage } from '../../testing/models/lexicon-package.ts';
import { sharedGpu } from '../../testing/engines/shared-gpu.ts';
import { Batch } from '../../model/batch/batch.ts';

// All of Lexicon's answers, many at once with rounded inputs, against its original weights. Where the CPU plays the GPU that
// takes half an hour: `npm run test:chats` does it.

const ALL_CHATS = ALL || process.env['BAMBA_ALL_CHATS'] === '1';
const PATIENCE = 7_200_000;

/** The longest answers come first: so few slots are empty in the end. */
const TURNS = [...otherChats, ...typedChats].flat().toSorted((a, b) => b.answer_ids.length - a.answer_ids.length);

describe.skipIf(!hasAdapter || !ALL_CHATS)('Lexicon answers sixteen at once as the original', () => {
  let gpu: Gpu;
  beforeAll(async () => {
    gpu = await Gpu.request({ gpu: sharedGpu() });
  });
  afterAll(() => gpu?.dispose());

  it.each([1, 2] as const)('with inputs of %i digits', { timeout: PATIENCE }, async (batchDigits) => {
    const options = { batchDigits, int8Activations: true, kvCacheType: 'f16', contextLength: 1024 } as const;
    const model = await loadModel(gpu, await openLexiconPackage(), options);
    const batch = await Batch.create(model, 16);
    const waiting = [...TURNS];
    const live = new Map<number, { turn: GoldenTurn; ids: number[] }>();
    try {
      while (waiting.length + live.size > 0) {
        while (waiting.length > 0 && live.size < batch.slots) {
          const turn = waiting.shift()!;
          model.state.reset();
          await model.prefill(turn.prompt_ids, { logits: true });
          const limit = turn.answer_ids.length;
          const settings = { values: GREEDY, limit, stopIds: [], promptIds: turn.prompt_ids };
          const { slot, report } = await batch.join(settings);
          live.set(slot, { turn, ids: [...report.ids] });
          batch.go(slot);
        }
        for (const [slot, { ids }] of await batch.step(4)) {
          const answer = live.get(slot)!;
          answer.ids.push(...ids);
          if (answer.ids.length < answer.turn.answer_ids.length) continue;
          expect(answer.ids, answer.turn.question).toEqual(answer.turn.answer_ids);
          batch.leave(slot);
          live.delete(slot);
        }
      }
    } finally {
      batch.dispose();
      model.dispose();
    }
  });
});
