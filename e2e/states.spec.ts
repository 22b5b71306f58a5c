// States over a reload, on the page as it ships. The next question of a chat processes its own tokens only, and the state
// goes with the chat. The page's own model is exchanged for one that a processor computes in no time.

import type { Page } from '@playwright/test';
import type { Usage } from '../src/engine/protocol.ts';
import { serveQuickPackage } from './quick-package.ts';
import { ask, chat, expect, test } from './ui-test.ts';

declare global {
  interface Window {
    usages: Usage[];
  }
}

const LOADED = { timeout: 180_000 };

test.beforeEach(async ({ page }) => {
  await serveQuickPackage(page, '**/models/lexicon/**');
  await page.addInitScript(() => {
    window.usages = [];
    // Short answers, always the same.
    document.addEventListener('DOMContentLoaded', () => {
      Object.assign(document.querySelector('bamba-chat')!, { maxTokens: 6, temperature: 0 });
    });
    document.addEventListener('bamba-answer', ({ detail }) => {
      if (detail.usage) window.usages.push(detail.usage);
    });
  });
});

/** Asks, and waits for the counts of the answer. */
async function counted(page: Page, question: string, count: number): Promise<Usage> {
  await ask(page, question);
  await expect.poll(() => page.evaluate(() => window.usages.length), LOADED).toBe(count);
  return page.evaluate(() => window.usages.at(-1)!);
}

/** The states that are kept, the one that was written last first. Runs in the page. */
async function keptStates(): Promise<{ id: string; tokens: number; savedAt: number }[]> {
  const settled = <Value>(request: IDBRequest<Value>): Promise<Value> =>
    new Promise((resolve, reject) => {
      request.addEventListener('success', () => resolve(request.result));
      request.addEventListener('error', () => reject(request.error ?? new Error('no reason given')));
    });
  const known = await indexedDB.databases();
  if (!known.some(({ name }) => name === 'bamba-web-states')) return [];
  const database = await settled(indexedDB.open('bamba-web-states'));
  try {
    if (!database.objectStoreNames.contains('states')) return [];
    const records = await settled(database.transaction('states').objectStore('states').getAll());
    return (records as { id: string; tokens: number; savedAt: number }[])
      .map(({ id, tokens, savedAt }) => ({ id, tokens, savedAt }))
      .toSorted((one, other) => other.savedAt - one.savedAt);
  } finally {
    database.close();
  }
}

/** Tokens of the end of a chat's last answer that is kept. */
async function keptEnd(page: Page): Promise<number | undefined> {
  return (await page.evaluate(keptStates)).find(({ id }) => !id.startsWith('prompt '))?.tokens;
}

test('a chat goes on after a reload where it was, and takes its state along when it is deleted', async ({ page }) => {
  test.setTimeout(600_000);
  await page.goto('/');
  await expect(page.getByText('quick', { exact: true }).first()).toBeVisible(LOADED);
  await counted(page, 'First?', 1);
  const { promptTokens, completionTokens, cachedTokens } = await counted(page, 'Second?', 2);
  expect(cachedTokens).toBeGreaterThan(0);
  // All but the last token of the answer, which was never fed.
  const known = promptTokens + completionTokens - 1;
  await expect.poll(() => keptEnd(page), LOADED).toBe(known);

  await page.reload();
  await expect(chat(page).turns).toHaveCount(2);
  const third = await counted(page, 'Third?', 1);
  expect(third.cachedTokens).toBe(known);
  const later = third.promptTokens + third.completionTokens - 1;
  await expect.poll(() => keptEnd(page), LOADED).toBe(later);

  // The kept state is shown, and counted.
  await page.getByTitle('Models').click();
  await expect(page.getByText('of chat states')).toBeVisible();
  await page.getByRole('button', { name: 'Close models' }).click();

  await page.getByRole('button', { name: 'More for “First?”' }).click();
  await page.getByRole('button', { name: 'Delete', exact: true }).click();
  await expect.poll(() => page.evaluate(keptStates), LOADED).toEqual([]);
});

/** Keeps a state of so many bytes, as the engine would. Runs in the page. */
async function keepState(bytes: number): Promise<void> {
  const request = indexedDB.open('bamba-web-states', 1);
  request.addEventListener('upgradeneeded', () => {
    request.result.createObjectStore('states', { keyPath: 'id' });
    for (const name of ['pieces', 'deleted']) request.result.createObjectStore(name);
  });
  await new Promise((resolve) => {
    request.addEventListener('success', resolve);
  });
  const transaction = request.result.transaction(['states', 'pieces'], 'readwrite');
  const facts = { pieces: 1, tokens: 7, model: 'quick', savedAt: 1 };
  transaction
    .objectStore('states')
    .put({ id: 'conversation a', write: '1 a', prelude: new ArrayBuffer(8), bytes, ...facts });
  transaction.objectStore('pieces').put(new ArrayBuffer(8), ['conversation a', '1 a', 0]);
  await new Promise((resolve) => {
    transaction.addEventListener('complete', resolve);
  });
  request.result.close();
}

test('what is kept of chats beside their text is counted, and can be deleted', async ({ page }) => {
  await page.goto('/');
  // The sentence of a ready model would take the place of the expected one.
  await expect(chat(page).announced).toHaveText('quick is ready.', LOADED);
  await page.evaluate(keepState, 1_500_000);
  await page.getByTitle('Models').click();
  const states = page.locator('.states');
  await expect(states).toContainText('1.50 MB of chat states');
  await states.getByRole('button', { name: 'Delete' }).click();
  await expect(states).toHaveCount(0);
  expect(await page.evaluate(keptStates)).toEqual([]);
  await expect(chat(page).announced).toContainText('The chats stay');
});
