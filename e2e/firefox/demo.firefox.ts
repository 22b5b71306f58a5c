// The demo in Firefox as a person meets it: the first visit, a chat, a second visit, none of the network, two tabs, and the
// element in another page.

import type { Browser, Page } from 'puppeteer-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { goldenChat } from '../../src/testing/golden-chats.ts';
import { type PageServer, servePage } from '../page-server.ts';
import { missing, openFirefox, openPage, PATIENCE, type QuietPage } from './browser.ts';

const [SUM, , DIFFERENCE] = goldenChat('What is 27 + 46?');
const ADDITION = goldenChat('What is 27 + 14?').slice(0, 2);

/** Waits until the chat of a tab can answer. */
async function ready(page: Page): Promise<void> {
  await page.waitForFunction(() => document.querySelector('bamba-chat')?.info?.model.name === 'Lexicon');
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
    server = await servePage();
    browser = await openFirefox();
  }, PATIENCE);

  afterEach(async () => {
    const noises = tabs.flatMap((tab) => tab.noises);
    await Promise.all(tabs.map(({ page }) => page.close()));
    tabs = [];
    expect(noises).toEqual([]);
  });

  afterAll(async () => {
    await browser?.close();
    await server?.close();
  });

  test('answers three chats on the first visit, and names its adapter', { timeout: PATIENCE }, async () => {
    const page = await open();
    await ready(page);
    expect(new Set(shards()).size).toBe(3);
    expect(await ask(page, SUM!.question)).toBe(SUM!.answer);
    await page.evaluate(() => document.querySelector('bamba-chat')!.newChat());
    for (const turn of ADDITION) expect(await ask(page, turn.question)).toBe(turn.answer);
    await page.evaluate(() => document.querySelector('bamba-chat')!.newChat());
    expect(await ask(page, DIFFERENCE!.question)).toBe(DIFFERENCE!.answer);
  });

  test('takes a model of an earlier visit from IndexedDB, in two tabs at once', { timeout: PATIENCE }, async () => {
    server.requests.length = 0;
    const [one, two] = await Promise.all([open(), open()]);
    await Promise.all([ready(one), ready(two)]);
    expect(shards()).toEqual([]);
  });

  test('runs as an element in another page', { timeout: PATIENCE }, async () => {
    const page = await open('examples/element.html');
    await page.evaluate(() => document.querySelector('bamba-chat')!.load());
    await ready(page);
    expect(await page.evaluate(() => document.querySelector('bamba-chat')!.info!.model.scheme)).toBe('int8');
  });

  test('opens and answers without the server', { timeout: PATIENCE }, async () => {
    const page = await open();
    await page.evaluate(() => navigator.serviceWorker.ready.then(() => undefined));
    await ready(page);
    await server.close();
    await page.reload();
    await ready(page);
    expect(await ask(page, SUM!.question)).toBe(SUM!.answer);
  });
});
