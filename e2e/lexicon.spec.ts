// The whole way: Lexicon's package, the worker, WebGPU, the page; questions are typed, answers read.
// The expected answers are those of the original weights, decoded greedily.

import { goldenChat, goldenTurn, typedChats } from '../src/testing/golden-chats.ts';
import { answer, ANSWERED, openLexicon } from './lexicon-page.ts';
import { ask, chat, expect, test } from './ui-test.ts';

// One page for all: where the CPU plays the GPU, loading takes longer than an answer.
test('answers what is typed word for word as the original, and forgets what was stopped', async ({ page }) => {
  test.setTimeout(900_000);
  await openLexicon(page);
  await test.step('chats, with follow-up questions', async () => {
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

  await test.step('an answer that was stopped leaves nothing behind', async () => {
    const { answers, stop } = chat(page);
    const long = goldenTurn('Who are you?');
    const short = goldenTurn('What is 27 + 46?');
    await ask(page, long.question);
    await expect(answers).toContainText('Lexicon', ANSWERED);
    await stop.click();
    await expect(page.getByText('Stopped', { exact: true })).toBeVisible();
    const partial = (await answers.textContent())?.trim() ?? '';
    expect(partial.length).toBeLessThan(long.answer.length);
    expect(long.answer.startsWith(partial)).toBe(true);
    await page.getByRole('button', { name: 'Answer again' }).click();
    expect(await answer(page, 0)).toBe(long.answer);
    await chat(page).newChat.click();
    await ask(page, short.question);
    expect(await answer(page, 0)).toBe(short.answer);
  });
});

test('what the first screen offers is answered right, step by step', async ({ page }) => {
  test.setTimeout(600_000);
  await openLexicon(page);
  const sum = goldenChat('What is 27 + 14?').slice(0, 2);
  for (const [index, turn] of sum.entries()) {
    await page.getByRole('button', { name: turn.question }).click();
    expect(await answer(page, index), turn.question).toBe(turn.answer);
  }
  await chat(page).newChat.click();
  await page.getByRole('button', { name: 'What is the capital of France?' }).click();
  expect(await answer(page, 0)).toBe('The capital of France is Paris.');
  await page.getByRole('button', { name: 'And its currency?' }).click();
  expect(await answer(page, 1)).toBe('France uses the currency EUR.');
  await page.getByRole('button', { name: 'What about Spain?' }).click();
  expect(await answer(page, 2)).toBe('Spain uses the currency EUR.');
});
