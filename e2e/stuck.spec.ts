// An engine whose worker is in an endless loop: the page's next request ends, the worker is gone, and another one answers.

import { expect, type Page, test } from '@playwright/test';
import { times } from '../src/testing/extent.ts';
import { quickCheckpoint } from '../src/testing/models/quick-model.ts';
import { useHubPage } from './hub-page.ts';
import { getStuck, NEVER_COME_BACK, preparePage } from './stuck-worker.ts';
import { chat } from './ui-test.ts';

/** Answers in the midst of which the worker is terminated. */
const TERMINATED = times(10, 3);

/** Each deadline of the engine is shorter; a crowded machine may be late. */
const ENDED = { timeout: 60_000 };
const LOADED = { timeout: 180_000 };

const served = useHubPage(quickCheckpoint);

declare global {
  interface Window {
    engine: Awaited<ReturnType<typeof window.bamba.createEngine>>;
    stopping: AbortController;
    /** The end of the running request: its code, or that it ended. */
    outcome: string;
  }
}

const outcome = (page: Page) => page.evaluate(() => window.outcome);

/** Loads a model; what becomes of it is the outcome. */
async function load(page: Page): Promise<void> {
  await page.evaluate(() => {
    window.stopping = new AbortController();
    window.outcome = 'waiting';
    const options = { model: 'org/name', endpoint: location.origin, signal: window.stopping.signal };
    const begin = async () => {
      window.engine = await window.bamba.createEngine({
        ...options,
        onProgress: ({ stage }) => void (window.outcome = stage),
      });
      window.outcome = 'loaded';
    };
    begin().catch((error: { code?: string }) => (window.outcome = String(error.code)));
  });
}

/** Asks something long; the outcome is `answering` once the answer has begun. */
async function ask(page: Page): Promise<void> {
  await page.evaluate(() => {
    window.stopping = new AbortController();
    window.outcome = 'waiting';
    const answer = async () => {
      for await (const event of window.engine.generate({ prompt: 'Well?' }, { signal: window.stopping.signal })) {
        window.outcome = event.type === 'end' ? 'ended' : 'answering';
      }
    };
    answer().catch((error: { code?: string }) => (window.outcome = String(error.code)));
  });
}

async function loaded(page: Page): Promise<void> {
  await load(page);
  await expect.poll(() => outcome(page), { timeout: 180_000 }).toBe('loaded');
}

test.beforeEach(async ({ page }) => {
  await preparePage(page);
});

test('stopping an answer ends it, and another worker answers the next question', async ({ page }) => {
  await page.goto(served.url);
  await loaded(page);
  await ask(page);
  await expect.poll(() => outcome(page)).toBe('answering');
  await getStuck(page);
  await page.evaluate(() => window.stopping.abort());
  await expect.poll(() => outcome(page), ENDED).toBe('worker_failed');
  await ask(page);
  await expect.poll(() => outcome(page), LOADED).toBe('ended');
  await expect.poll(() => page.workers().length, ENDED).toBe(1);
  expect(await page.evaluate(() => window.started.length)).toBe(2);
});

test('a question to a worker that died while it was idle is answered by another one', async ({ page }) => {
  await page.goto(served.url);
  await loaded(page);
  await getStuck(page);
  await ask(page);
  await expect.poll(() => outcome(page), LOADED).toBe('ended');
  await expect.poll(() => page.workers().length, ENDED).toBe(1);
});

test(`${TERMINATED} answers in the midst of which the worker is terminated are the same`, async ({ page }) => {
  test.setTimeout(900_000);
  await page.goto(served.url);
  await loaded(page);
  const answers = await page.evaluate(async (count) => {
    const statuses: string[] = [];
    window.engine.onStatus(({ status }) => void (statuses.at(-1) !== status && statuses.push(status)));
    /** Terminates the worker after so many events, and says nothing of it: nor does the browser. */
    const answer = async (terminateAfter: number, seed: number) => {
      const ids: number[] = [];
      let text = '';
      let events = 0;
      const request = { prompt: 'Well?', maxTokens: 40, temperature: 1, seed };
      for await (const event of window.engine.generate(request)) {
        if (event.type === 'text') {
          text += event.text;
          ids.push(...event.ids);
        }
        if (++events === terminateAfter) window.started.at(-1)!.terminate();
      }
      return { text, ids };
    };
    const pairs = [];
    for (let time = 0; time < count; time++) pairs.push([await answer(0, time), await answer(1 + (time % 6), time)]);
    return { pairs, statuses, started: window.started.length };
  }, TERMINATED);
  expect(answers.pairs).toHaveLength(TERMINATED);
  for (const [without, terminated] of answers.pairs) expect(terminated).toEqual(without);
  expect(answers.started).toBe(TERMINATED + 1);
});

test('disposing of the engine ends its answer and its worker', async ({ page }) => {
  await page.goto(served.url);
  await loaded(page);
  await ask(page);
  await expect.poll(() => outcome(page)).toBe('answering');
  await getStuck(page);
  await page.evaluate(() => window.engine.dispose());
  await expect.poll(() => outcome(page), ENDED).toBe('disposed');
  await expect.poll(() => page.workers().length, ENDED).toBe(0);
});

test('aborting a load ends it and its worker, at whichever stage', async ({ page }) => {
  await page.goto(served.url);
  for (const stage of ['manifest', 'weights', 'compile']) {
    // Both at once: a load that goes on would come to its end meanwhile.
    const stuck = page.evaluate(
      ([name, word]) =>
        new Promise<void>((resolve) => {
          const look = () => {
            if (window.outcome !== name) {
              setTimeout(look);
              return;
            }
            const port: Pick<MessagePort, 'postMessage'> = window.started.at(-1)!;
            port.postMessage(word);
            window.stopping.abort();
            resolve();
          };
          window.outcome = '';
          look();
        }),
      [stage, NEVER_COME_BACK] as const,
    );
    await load(page);
    await stuck;
    await expect.poll(() => outcome(page), ENDED).toBe('aborted');
    await expect.poll(() => page.workers().length, ENDED).toBe(0);
  }
});

test.describe('the element', () => {
  // The loop comes from a blob of the test.
  test.use({ bypassCSP: true });

  test('leaves no worker behind when it is removed', async ({ page, baseURL }) => {
    await page.goto(`${baseURL}examples/element.html`);
    const { input } = chat(page);
    await input.fill('What is an apple?');
    await input.press('Enter');
    await expect(page.getByRole('button', { name: 'Stop' })).toBeVisible({ timeout: 180_000 });
    await expect.poll(() => page.workers().length, { timeout: 60_000 }).toBe(1);
    await getStuck(page);
    await page.locator('bamba-chat').evaluate((element) => element.remove());
    await expect.poll(() => page.workers().length, ENDED).toBe(0);
  });
});
