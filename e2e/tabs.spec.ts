// Several tabs with one engine. The weights are on the GPU once, and each tab is answered. When one is closed, the others go
// on with the same tokens, from the stored state of the conversation.

import { type BrowserContext, expect, type Page, test } from '@playwright/test';
import { quickCheckpoint } from '../src/testing/models/quick-model.ts';
import { useHubPage } from './hub-page.ts';

const served = useHubPage(quickCheckpoint);

/** The events of one answer in a tab. */
interface Heard {
  ids: number[];
  text: string;
  ends: string[];
  cachedTokens: number;
  speed: number;
}

declare global {
  interface Window {
    shared: Awaited<ReturnType<Window['bamba']['createEngine']>>;
    heard: Heard;
    answering: Promise<void>;
    statuses: string[];
    messages: string[];
  }
}

/** Opens a tab that has the engine, its own or another's. */
async function openTab(context: BrowserContext, options: object = {}): Promise<Page> {
  const page = await context.newPage();
  await page.goto(served.url);
  await page.evaluate(async (more) => {
    window.statuses = [];
    window.messages = [];
    window.shared = await window.bamba.createEngine({
      model: 'org/name',
      dtype: 'f32',
      endpoint: location.origin,
      shareAcrossTabs: true,
      onProgress: ({ message }) => void (message !== undefined && window.messages.push(message)),
      ...more,
    });
    window.shared.onStatus(({ status }) => void (window.statuses.at(-1) !== status && window.statuses.push(status)));
  }, options);
  return page;
}

interface Question {
  content: string;
  maxTokens: number;
  conversation?: string;
  before?: { role: 'user' | 'assistant'; content: string }[];
}

/** Begins an answer, and resolves once it has so many tokens. */
async function begin(page: Page, question: Question, until = 1): Promise<void> {
  await page.evaluate(({ content, before = [], ...request }) => {
    const heard: Heard = { ids: [], text: '', ends: [], cachedTokens: -1, speed: 0 };
    window.heard = heard;
    const messages = [...before, { role: 'user' as const, content }];
    window.answering = (async () => {
      for await (const event of window.shared.generate({ messages, temperature: 0, ...request })) {
        if (event.type === 'text') {
          heard.ids.push(...event.ids);
          heard.text += event.text;
        }
        if (event.type === 'end') {
          heard.ends.push(event.finishReason);
          heard.cachedTokens = event.usage.cachedTokens;
          heard.speed = event.usage.decodeTokensPerS;
        }
      }
    })();
    window.answering.catch(() => {});
  }, question);
  await expect
    .poll(() => page.evaluate(() => window.heard.ids.length), { timeout: 120_000 })
    .toBeGreaterThanOrEqual(until);
}

async function ended(page: Page): Promise<Heard> {
  await page.evaluate(() => window.answering);
  return page.evaluate(() => window.heard);
}

const workers = (page: Page): Promise<number> => page.evaluate(() => window.workers.length);

test('tabs share one engine, and go on without the one that had it', async ({ context }) => {
  const one = await openTab(context);
  const two = await openTab(context);
  const three = await openTab(context);
  expect([await workers(one), await workers(two), await workers(three)]).toEqual([1, 0, 0]);
  const question = { content: 'What is it?', maxTokens: 12 };

  // At the same time, one after the other.
  await Promise.all([begin(one, question, 0), begin(two, question, 0)]);
  const [first, second] = [await ended(one), await ended(two)];
  expect(first.ids).toHaveLength(12);
  expect(second).toMatchObject({ ids: first.ids, text: first.text, ends: ['length'] });

  // Undisturbed, what the disturbed answers are to be.
  // So long that it is under way for seconds, also where it repeats itself, which is quick.
  const long = { content: 'And a long one?', maxTokens: 1600 };
  await begin(three, long);
  const expected = await ended(three);
  expect(expected.ids).toHaveLength(1600);
  await begin(one, long);
  const own = await ended(one);
  console.log(
    `Tokens a second: ${own.speed.toFixed(0)} in the tab with the engine, ${expected.speed.toFixed(0)} in another`,
  );

  // The tab that has the engine is closed in the middle of another one's answer, while a third one waits.
  await begin(two, long, 5);
  await begin(three, question, 0);
  await one.close();
  expect(await two.evaluate(() => window.heard.ids.length)).toBeLessThan(1600);
  const disturbed = await ended(two);
  expect(disturbed).toMatchObject({ ids: expected.ids, text: expected.text, ends: ['length'] });
  expect(await ended(three)).toMatchObject({ ids: first.ids, ends: ['length'] });
  expect((await workers(two)) + (await workers(three))).toBe(1);
  for (const page of [two, three]) {
    await expect.poll(() => page.evaluate(() => window.statuses)).toEqual(['recovering', 'ready']);
  }

  // One that comes later uses what is there; one that is closed leaves nothing that others wait for.
  const four = await openTab(context);
  expect(await workers(four)).toBe(0);
  await begin(four, long, 5);
  await four.close();
  await begin(three, question, 0);
  expect(await ended(three)).toMatchObject({ ids: first.ids });
});

test('a tab that takes over goes on from the state that is kept of its conversation', async ({ context }) => {
  const one = await openTab(context);
  const two = await openTab(context);
  const question = { content: 'A question of many words, which are all to be read once?', maxTokens: 5 };
  await begin(two, { ...question, conversation: 'mine' });
  const { text, ids } = await ended(two);
  const states = () => two.evaluate(async () => (await window.bamba.storedStates()).map(({ tokens }) => tokens));
  await expect.poll(states).toHaveLength(1);
  const [known] = await states();
  await one.close();
  const before = [
    { role: 'user' as const, content: question.content },
    { role: 'assistant' as const, content: text },
  ];
  await begin(two, { content: 'And?', maxTokens: 5, before, conversation: 'mine' });
  const { cachedTokens } = await ended(two);
  expect(ids).toHaveLength(5);
  expect(cachedTokens).toBe(known);
  expect(await workers(two)).toBe(1);
});

test('tabs that are opened at once, and reloaded, have one engine', async ({ context }) => {
  const pages = await Promise.all([openTab(context), openTab(context), openTab(context)]);
  const counts = await Promise.all(pages.map(workers));
  expect(counts.toSorted((a, b) => a - b)).toEqual([0, 0, 1]);
  const leader = pages[counts.indexOf(1)]!;
  const follower = pages[counts.indexOf(0)]!;
  await leader.reload();
  await begin(follower, { content: 'Well?', maxTokens: 5 });
  expect((await ended(follower)).ids).toHaveLength(5);
});

test('where a browser has no locks, each tab loads an engine of its own, and says so', async ({ context }) => {
  await context.addInitScript(() => Object.defineProperty(Navigator.prototype, 'locks', { value: undefined }));
  const one = await openTab(context);
  const two = await openTab(context);
  for (const page of [one, two]) {
    expect(await workers(page)).toBe(1);
    expect(await page.evaluate(() => window.messages)).toEqual([
      'This browser does not let tabs share a model. This tab loads the model for itself.',
    ]);
    await begin(page, { content: 'Well?', maxTokens: 3 });
    expect((await ended(page)).ids).toHaveLength(3);
  }
});
