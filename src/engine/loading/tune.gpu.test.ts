import { afterEach, describe, expect, test } from 'vitest';
import { take } from '../../testing/engines/answer.ts';
import { hasAdapter } from '../../testing/dawn.ts';
import { useMemoryDatabase } from '../../testing/browser/memory-database.ts';
import { sharedGpu } from '../../testing/engines/shared-gpu.ts';
import { packQuickModel } from '../../testing/models/quick-model.ts';
import { asciiIds, NO_SPECIAL } from '../../testing/models/tiny-model.ts';
import { LocalEngine, type LocalEngineOptions } from '../local-engine.ts';
import type { TuningProgress } from '../protocol.ts';

// Tuning as a page asks for it: of the engine that it has, for those that it will load.

const REQUEST = {
  prompt: asciiIds('Sizes that are faster say the same.'.repeat(5)),
  maxTokens: 4,
  logitBias: NO_SPECIAL,
};

describe.skipIf(!hasAdapter)('an engine', () => {
  const gpu = { gpu: sharedGpu() };
  const engines: LocalEngine[] = [];
  useMemoryDatabase();
  afterEach(() => {
    for (const engine of engines.splice(0)) engine.dispose();
  });

  async function load(options: LocalEngineOptions = {}): Promise<LocalEngine> {
    const engine = await LocalEngine.load(await packQuickModel(), { gpu, ...options });
    engines.push(engine);
    return engine;
  }

  test(
    'tunes itself when it is asked, keeps what was fastest, and has it when it is loaded again',
    { timeout: 600_000 },
    async () => {
      const engine = await load();
      expect(engine.info.adapter.tuned).toBe(false);
      const before = await take(engine, REQUEST);
      expect(before.processed).toEqual([0, 175]);

      const abort = new AbortController();
      const aborted = engine.tune({ signal: abort.signal, onProgress: () => abort.abort() });
      await expect(aborted).rejects.toMatchObject({ code: 'aborted' });

      const progress: TuningProgress[] = [];
      const running = engine.tune({
        candidates: { matvecSubgroups: [], narrowRows: [], chunkTokens: [128] },
        onProgress: (one) => progress.push(one),
      });
      const refused = [engine.tune({ queue: false }), engine.generate(REQUEST, { queue: false }).next()];
      await Promise.all(refused.map((one) => expect(one).rejects.toMatchObject({ code: 'busy' })));
      const { tuning, trials, kept } = await running;
      expect(kept).toBe(true);
      expect(progress).toEqual(trials.map((trial, index) => ({ trial, done: index + 1, total: 4 })));
      expect(trials.map(({ what, value }) => `${what} ${value}`).slice(1)).toEqual([
        'narrowRows 0',
        'chunkTokens 256',
        'chunkTokens 128',
      ]);
      expect([128, 256]).toContain(tuning.chunkTokens);
      // The engine itself is as it was, and so is what it keeps of the chat.
      const again = await take(engine, REQUEST);
      expect(again.ids).toEqual(before.ids);
      expect(again.usage.cachedTokens).toBe(175);

      const next = await load();
      expect(next.info.adapter.tuned).toBe(true);
      const { ids, processed } = await take(next, REQUEST);
      expect(processed).toEqual(tuning.chunkTokens === 128 ? [0, 128, 175] : [0, 175]);
      expect(ids).toEqual(before.ids);
    },
  );

  test('refuses a context that has no room for it', async () => {
    const engine = await load({ contextLength: 511 });
    await expect(engine.tune()).rejects.toMatchObject({ code: 'setting_invalid' });
  });
});
