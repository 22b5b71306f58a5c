import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { useMemoryDatabase } from '../../testing/browser/memory-database.ts';
import { architectureOf, stateTraits } from '../../testing/checkpoints/config-traits.ts';
import { FAMILY_CONFIGS } from '../../testing/checkpoints/family-configs.ts';
import { randomCheckpoint } from '../../testing/checkpoints/random-checkpoint.ts';
import { expectClose } from '../../testing/close.ts';
import { hasAdapter } from '../../testing/dawn.ts';
import { GREEDY, KeptChats, LosableModel } from '../../testing/engines/kept-chats.ts';
import { covering, times } from '../../testing/extent.ts';
import { chatSteps, STEP_KINDS, textTokens } from '../../testing/models/chat-steps.ts';
import { memorySource } from '../../weights/byte-source.ts';
import { packCheckpoint } from '../loading/pack-checkpoint.ts';

// Chats of random tokens with random models of all families, or of all kinds of states. They are appended to, edited,
// branched, aborted, evicted, saved, reloaded, exported, imported, and lose the GPU, in any order. What comes next is what
// a model computes that was given nothing but these tokens, and no token that is at hand is processed again.

/** Passes of other lengths add up in another order. */
const CLOSE = { ofLargest: 2e-4 };
/** The gate draws the same each time, others for each model; another number draws others. */
const SEED = Number(process.env['BAMBA_SEED'] ?? 20_261_130);

const CASES = covering(FAMILY_CONFIGS, (config) => stateTraits(architectureOf(config)));

describe.skipIf(!hasAdapter)('states that are kept', () => {
  useMemoryDatabase();
  const counts = new Map<string, number>();
  afterAll(() => console.log(`Steps of chats (seed ${SEED}): ${JSON.stringify(Object.fromEntries(counts))}`));

  it.each(CASES)('go on as if all had been read anew: %s', { timeout: 300_000 }, async (name, config) => {
    const losable = await LosableModel.load(
      await packCheckpoint(memorySource(randomCheckpoint(config)), 'f32', 'random'),
    );
    try {
      await fc.assert(
        fc.asyncProperty(textTokens(0, 50), fc.constantFrom(0, 2, 5, 64), chatSteps, async (system, states, steps) => {
          const chats = new KeptChats(losable, system, states);
          for (const one of steps) await chats.take(one);
          for (const { ids, logits } of chats.answers) {
            losable.model.state.reset();
            await losable.model.prefill(ids, { logits: true });
            const settings = { values: GREEDY, limit: 1, stopIds: [], promptIds: ids };
            const fresh = await losable.model.beginAnswer(settings, { logits: true });
            expectClose(logits, fresh.logits!, CLOSE, `logits behind ${ids.length} tokens`);
          }
          for (const kind of STEP_KINDS) expect(chats.counts[kind], kind).toBeGreaterThan(0);
          for (const [kind, count] of Object.entries(chats.counts)) {
            counts.set(kind, (counts.get(kind) ?? 0) + count);
          }
          expect(chats.counts.brought, 'states out of storage').toBeGreaterThan(0);
          await chats.clear();
        }),
        { numRuns: times(3, 2), seed: SEED + 1000 * CASES.findIndex(([one]) => one === name), endOnFailure: true },
      );
    } finally {
      losable.dispose();
    }
  });
});
