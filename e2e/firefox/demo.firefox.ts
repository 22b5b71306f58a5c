// The demo in Firefox as a person meets it: the first visit and chats; and with a quick model in the place of Lexicon, a
// second visit, two tabs, none of the network, and the element in another page.

import type { Browser, Page } from 'puppeteer-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { goldenChat } from '../../src/testing/golden-chats.ts';
import { type PageServer, servePage } from '../page-server.ts';
import { serveQuickModel } from '../quick-page.ts';
import { missing, openFirefox, openPage, PATIENCE, type QuietPage } from './browser.ts';

const [SUM, , DIFFERENCE] = goldenChat('What is 27 + 46?');
const ADDITION = goldenChat('What is 27 + 14?').slice(0, 2);

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

  test('answers three chats on the first visit', { timeout: PATIENCE }, async () => {
    const page = await open();
    await ready(page, 'Lexicon');
    expect(new Set(shards()).size).toBe(3);
    expect(await ask(page, SUM!.question)).toBe(SUM!.answer);
    await page.evaluate(() => document.querySelector('bamba-chat')!.newChat());
    for (const turn of ADDITION) expect(await ask(page, turn.question)).toBe(turn.answer);
    await page.evaluate(() => document.querySelector('bamba-chat')!.newChat());
    expect(await ask(page, DIFFERENCE!.question)).toBe(DIFFERENCE!.answer);
  });

  test(
    'keeps a model for later visits, other pages, two tabs, and none of the network',
    { timeout: PATIENCE },
    async () => {
      await serveQuickModel(server);
      const first = await open();
      await ready(first, 'quick');
      expect(new Set(shards()).size).toBe(2);
      const answer = await ask(first, 'What is it?');
      expect(answer).not.toBe('');
      await first.evaluate(() => navigator.serviceWorker.ready.then(() => undefined));
      server.requests.length = 0;

      // As an element in another page, which loads it when it is asked to.
      const other = await open('examples/element.html');
      await other.evaluate(() => document.querySelector('bamba-chat')!.load());
      await ready(other, 'quick');
      expect(await other.evaluate(() => document.querySelector('bamba-chat')!.info!.model.scheme)).toBe('f32');

      const second = await open();
      await Promise.all([first.reload(), ready(second, 'quick')]);
      await ready(first, 'quick');
      expect(shards()).toEqual([]);

      await server.close();
      await second.reload();
      await ready(second, 'quick');
      await second.evaluate(() => document.querySelector('bamba-chat')!.newChat());
      expect(await ask(second, 'What is it?')).toBe(answer);
    },
  );
});
