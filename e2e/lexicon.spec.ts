// The whole way: Lexicon's package, the worker, WebGPU, the page; questions are typed, answers read.
// The expected answers are those of the original weights, decoded greedily.

import { typedChats, typedTurn } from '../src/testing/golden-chats.ts';
import { answer, ANSWERED, openLexicon } from './lexicon-page.ts';
import { ask, chat, expect, test } from './ui-test.ts';

test('answers what is typed, follow-up questions too, word for word as the original', async ({ page }) => {
  test.setTimeout(900_000);
  await openLexicon(page);
  expect(typedChats.length).toBeGreaterThanOrEqual(5);
  expect(typedChats.some((turns) => turns.length > 2)).toBe(true);
  for (const turns of typedChats) {
    for (const [index, turn] of turns.entries()) {
      await ask(page, turn.question);
      expect(await answer(page, index), turn.question).toBe(turn.answer);
    }
    await chat(page).newChat.click();
  }
});

test('an answer that was stopped leaves nothing behind', async ({ page }) => {
  test.setTimeout(600_000);
  await openLexicon(page);
  const { answers, stop } = chat(page);
  const apple = typedTurn('What is an apple?');
  const gravity = typedTurn('Define gravity.');
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
