// The GPU's device is destroyed, and the worker ended, at moments that are drawn: every answer is as without, token by token.
// With Lexicon and 50 devices where everything is tested, else with a quick model and a few.

import { expect, type Page, test } from '@playwright/test';
import { ALL } from '../src/testing/extent.ts';
import { useHubPage } from './hub-page.ts';
import { MODEL_NAME, serveModel, watchWorkers } from './watched-model.ts';

const served = useHubPage(() => ({}));

const WORKERS = ALL ? 10 : 2;
const MOMENTS = ['loading', 'prompt', 'answer', 'idle'] as const;
/** A device at each moment at least. */
const DEVICES = ALL ? 50 : MOMENTS.length;
type Moment = (typeof MOMENTS)[number];
/** Of the draw: a failure says it, and BAMBA_SEED repeats it. */
const SEED = Number(process.env['BAMBA_SEED'] ?? Date.now() % 1_000_000);

/** Numbers from 0 to 1, the same ones for the same seed: Park and Miller's generator. */
function draw(seed: number): () => number {
  let state = 1 + (seed % 2_147_483_646);
  return () => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647;
}

/** Something that goes wrong: when, and how far into that, from 0 to 1. */
interface Loss {
  what: 'device' | 'worker';
  moment: Moment;
  share: number;
}

interface Outcome {
  ids: number[];
  end: string;
  statuses: string[];
  lost: boolean;
}

/** Loads the model and asks, or asks the engine that is there, and has one thing go wrong meanwhile. */
async function run(page: Page, loss: Loss | null): Promise<Outcome> {
  return page.evaluate(async (fault) => {
    const statuses: string[] = [];
    let lost = false;
    const lose = (): void => {
      if (lost || !fault) return;
      lost = true;
      if (fault.what === 'device') window.destroyDevice();
      else window.watched.at(-1)!.terminate();
    };
    const at = (moment: string, share: number): void => {
      if (fault?.moment === moment && share >= fault.share) lose();
    };
    if (fault?.moment === 'loading') await window.current?.dispose();
    if (fault?.moment === 'loading') window.current = undefined;
    window.current ??= await window.bamba.createEngine({
      model: '/models/watched/',
      // All of the prompt is read each time.
      stateCacheBytes: 0,
      onProgress: ({ stage, progress }) => void (stage !== 'manifest' && at('loading', progress)),
    });
    const engine = window.current;
    const off = engine.onStatus(({ status }) => void (statuses.at(-1) !== status && statuses.push(status)));
    const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
    if (fault?.moment === 'idle') {
      await pause(100 * fault.share);
      lose();
    }
    const messages = [{ role: 'user' as const, content: `${'Say something of it. '.repeat(20)}What is an apple?` }];
    const ids: number[] = [];
    let end = '';
    const maxTokens = 40;
    for await (const event of engine.generate({ messages, maxTokens, temperature: 0 })) {
      if (event.type === 'prefill') at('prompt', event.processed / event.total);
      if (event.type === 'text') ids.push(...event.ids);
      if (event.type === 'text') at('answer', ids.length / maxTokens);
      if (event.type === 'end') end = event.finishReason;
    }
    off();
    return { ids, end, statuses, lost };
  }, loss);
}

declare global {
  interface Window {
    current: Awaited<ReturnType<Window['bamba']['createEngine']>> | undefined;
  }
}

test.beforeEach(async ({ page }) => {
  await serveModel(page);
  await watchWorkers(page);
  await page.goto(served.url);
});

for (const [what, count] of [
  ['device', DEVICES],
  ['worker', WORKERS],
] as const) {
  test(`a ${what} that is gone ${count} times with ${MODEL_NAME} leaves every answer as it is`, async ({ page }) => {
    test.setTimeout(ALL ? 3_600_000 : 300_000);
    const random = draw(SEED);
    const expected = await run(page, null);
    expect(expected.ids.length).toBeGreaterThan(0);
    const counts: Partial<Record<Moment, number>> = {};
    for (let time = 0; time < count; time++) {
      // Each moment in the first rounds, then as it is drawn.
      const moment = MOMENTS[time < MOMENTS.length ? time : Math.floor(random() * MOMENTS.length)]!;
      const loss: Loss = { what, moment, share: random() * (moment === 'answer' ? expected.ids.length / 40 : 1) };
      const { ids, end, lost } = await run(page, loss);
      const said = `seed ${SEED}, time ${time}: ${JSON.stringify(loss)}`;
      expect({ ids, end, lost }, said).toEqual({ ids: expected.ids, end: expected.end, lost: true });
      counts[moment] = (counts[moment] ?? 0) + 1;
    }
    console.log(`Answers as without, of ${count} with a ${what} gone (seed ${SEED}): ${JSON.stringify(counts)}`);
  });
}
