// The demo in Firefox as a person meets it, with a quick model in the place of Lexicon. Visits and chats, two tabs, no
// network, and the element in another page. Where everything is tested, an answer of Lexicon. Firefox has shaders clear
// their memory and watch their loops: where the CPU plays the GPU, all takes several times as long as in Chromium.

import type { Browser, Page } from 'puppeteer-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { openPackageBytes } from '../../src/storage/packages/package-source.ts';
import { ALL } from '../../src/testing/extent.ts';
import { goldenTurn } from '../../src/testing/models/golden-chats.ts';
import { greedyReply } from '../../src/testing/models/greedy-answer.ts';
import { readPackageModel } from '../../src/testing/checkpoints/package-model.ts';
import { quickCheckpoint, quickPackage } from '../../src/testing/models/quick-model.ts';
import { type PageServer, servePage } from '../page-server.ts';
import { servePackage, setAttributes } from '../quick-page.ts';
import { missing, openFirefox, openPage, PATIENCE, type QuietPage } from './browser.ts';

const SUM = goldenTurn('What is 27 + 46?');
/** Short questions. */
const QUESTIONS = ['So?', 'Why?', 'And?'];
/** Room for them and for their answers alone: that spares the programs which only longer prompts take. */
const SHORT_CONTEXT = 'context-length="32"';

/** Waits until the chat of a tab can answer. */
async function ready(page: Page, model: string): Promise<void> {
  await page.waitForFunction((name) => document.querySelector('bamba-chat')?.info?.model.name === name, {}, model);
}

/** Types a question, sends it with Enter, and waits for its answer. */
async function ask(page: Page, question: string): Promise<string> {
  const answered = page.evaluate(
    () =>
      new Promise<string>((resolve) => {
        const chat = document.querySelector('bamba-chat')!;
        chat.addEventListener('bamba-answer', (event) => resolve(event.detail.answer), { once: true });
        chat.addEventListener('bamba-error', (event) => resolve(event.detail.message), { once: true });
      }),
  );
  const input = await page.waitForSelector('bamba-chat >>> textarea');
  await input!.type(question);
  await input!.press('Enter');
  return answered;
}

describe.skipIf(missing)('in Firefox', () => {
  let browser: Browser;
  let server: PageServer;
  let tabs: QuietPage[] = [];

  const shards = (): string[] => server.requests.filter((path) => path.endsWith('.bin'));
  const open = async (path = ''): Promise<Page> => {
    const tab = await openPage(browser);
    tabs.push(tab);
    await tab.page.goto(server.url + path);
    return tab.page;
  };

  beforeAll(async () => {
    browser = await openFirefox();
  }, PATIENCE);

  beforeEach(async () => {
    server = await servePage();
  });

  afterEach(async () => {
    const noises = tabs.flatMap((tab) => tab.noises);
    await Promise.all(tabs.map(({ page }) => page.close()));
    tabs = [];
    await server.close();
    expect(noises).toEqual([]);
  });

  afterAll(async () => {
    await browser?.close();
  });

  test(
    'answers three chats on the first visit, and keeps the model for what comes',
    { timeout: PATIENCE },
    async () => {
      const { manifest, files } = await quickPackage('quick', quickCheckpoint(), 'int8');
      await servePackage(server, files);
      for (const path of ['/index.html', '/examples/element.html']) await setAttributes(server, path, SHORT_CONTEXT);
      const source = openPackageBytes(manifest, async (file) => new Uint8Array(files[file]!));
      const model = await readPackageModel(source);
      const right = (question: string): string => greedyReply(model, question, 8);

      const first = await open();
      await ready(first, 'quick');
      expect(new Set(shards()).size).toBe(1);
      for (const question of QUESTIONS) {
        expect(await ask(first, question), question).toBe(right(question));
        await first.evaluate(() => document.querySelector('bamba-chat')!.newChat());
      }
      await first.evaluate(() => navigator.serviceWorker.ready.then(() => undefined));
      server.requests.length = 0;

      // As an element in another page, which loads it when it is asked to.
      const other = await open('examples/element.html');
      await other.evaluate(() => document.querySelector('bamba-chat')!.load());
      await ready(other, 'quick');
      expect(await other.evaluate(() => document.querySelector('bamba-chat')!.info!.model.scheme)).toBe('int8');

      // In two tabs at once.
      const [second] = await Promise.all([open(), first.reload()]);
      await Promise.all([ready(first, 'quick'), ready(second, 'quick')]);
      expect(shards()).toEqual([]);

      // Without the server.
      await server.close();
      await second.reload();
      await ready(second, 'quick');
      expect(await ask(second, QUESTIONS[0]!)).toBe(right(QUESTIONS[0]!));
    },
  );

  // Where the CPU plays the GPU, its six tokens take minutes.
  if (ALL) {
    test('answers with the demo’s own model as the original', { timeout: PATIENCE }, async () => {
      await setAttributes(server, '/index.html', SHORT_CONTEXT);
      const page = await open();
      await ready(page, 'Lexicon');
      expect(new Set(shards()).size).toBe(3);
      expect(await ask(page, SUM.question)).toBe(SUM.answer);
    });
  }
});
