// The whole way: Lexicon's package, the worker, WebGPU, the page; questions are typed, answers read.
// The expected answers are those of the original weights, decoded greedily.

import { readFileSync } from 'node:fs';
import type { Page } from '@playwright/test';
import { ask, chat, expect, test } from './ui-test.ts';

const chats = JSON.parse(readFileSync(new URL('./golden/lexicon-chats.json', import.meta.url), 'utf8')) as {
  question: string;
  answer: string;
}[][];

/** Loading and one answer take their time where the CPU plays the GPU. */
const LOADED = { timeout: 180_000 };
const ANSWERED = { timeout: 90_000 };

async function openChat(page: Page): Promise<void> {
  await page.goto('/');
  await expect(page.getByText('34.9 M parameters · int8')).toBeVisible(LOADED);
}

/** The n-th answer, once it has ended. */
async function answer(page: Page, index: number): Promise<string> {
  await expect(
    chat(page)
      .turns.nth(index)
      .getByText(/tokens\/s/),
  ).toBeVisible(ANSWERED);
  return (await chat(page).answers.nth(index).textContent())?.trim() ?? '';
}

test('answers what is typed, follow-up questions too, word for word as the original', async ({ page }) => {
  test.setTimeout(600_000);
  await openChat(page);
  for (const turns of chats) {
    for (const [index, { question, answer: expected }] of turns.entries()) {
      await ask(page, question);
      expect(await answer(page, index), question).toBe(expected);
    }
    await chat(page).newChat.click();
  }
});

test('an answer that was stopped leaves nothing behind', async ({ page }) => {
  test.setTimeout(600_000);
  await openChat(page);
  const { answers, stop } = chat(page);
  const [apple] = chats[1] ?? [];
  const [gravity] = chats[3] ?? [];
  if (!apple || !gravity) throw new Error('The golden chats have changed.');
  await ask(page, apple.question);
  await expect(answers).toContainText('Apple', ANSWERED);
  await stop.click();
  await expect(page.getByText('Stopped', { exact: true })).toBeVisible();
  const partial = (await answers.textContent())?.trim() ?? '';
  expect(partial.length).toBeLessThan(apple.answer.length);
  expect(apple.answer.startsWith(partial)).toBe(true);
  await page.getByRole('button', { name: 'Answer again' }).click();
  expect(await answer(page, 0)).toBe(apple.answer);
  await chat(page).newChat.click();
  await ask(page, gravity.question);
  expect(await answer(page, 0)).toBe(gravity.answer);
});

test('a second visit fetches no weights', async ({ page }) => {
  test.setTimeout(600_000);
  const shards: string[] = [];
  page.on('request', (request) => {
    if (request.url().endsWith('.bin')) shards.push(request.url());
  });
  await openChat(page);
  expect(shards.length).toBeGreaterThan(0);
  shards.length = 0;
  await page.reload();
  await expect(page.getByText('34.9 M parameters · int8')).toBeVisible(LOADED);
  expect(shards).toEqual([]);
  const [first] = chats[3] ?? [];
  await ask(page, first?.question ?? '');
  expect(await answer(page, 0)).toBe(first?.answer);
});
