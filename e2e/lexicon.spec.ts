// The whole way: Lexicon's package, the worker, WebGPU, the page; questions are typed, answers read.
// The expected answers are those of the original weights, decoded greedily.

import { type GoldenChat, goldenChat, goldenTurn, typedChats } from '../src/testing/models/golden-chats.ts';
import { ALL } from '../src/testing/extent.ts';
import { answer, ANSWERED, openLexicon } from './lexicon-page.ts';
import { ask, chat, expect, test } from './ui-test.ts';

/**
 * What is typed also where the CPU plays the GPU: what the model does not know. What it knows, with further questions, the
 * first screen offers.
 */
const FEW = ['What is a flornup?'];
const isFew = (turns: GoldenChat): boolean => FEW.includes(turns[0]!.question);

/** The questions of the first screen, and their follow-ups. */
const SUM = goldenChat('What is 27 + 14?');

// One page for all: where the CPU plays the GPU, loading takes longer than an answer.
test('answers word for word as the original what is offered and what is typed, and forgets what was stopped', async ({
  page,
}) => {
  test.setTimeout(900_000);
  const { answers, newChat, stop } = chat(page);
  await openLexicon(page);

  await test.step('what the first screen offers, step by step, and what is typed behind it', async () => {
    for (const [index, turn] of SUM.entries()) {
      // Questions and further questions are offered, but for the last.
      if (index < SUM.length - 1) await page.getByRole('button', { name: turn.question }).click();
      else await ask(page, turn.question);
      expect(await answer(page, index), turn.question).toBe(turn.answer);
    }
    await newChat.click();
    await page.getByRole('button', { name: 'What is the capital of France?' }).click();
    expect(await answer(page, 0)).toBe('The capital of France is Paris.');
    await page.getByRole('button', { name: 'And its currency?' }).click();
    expect(await answer(page, 1)).toBe('France uses the currency EUR.');
    await expect(page.getByRole('button', { name: 'What about Spain?' })).toBeVisible();
    if (ALL) {
      await page.getByRole('button', { name: 'What about Spain?' }).click();
      expect(await answer(page, 2)).toBe('Spain uses the currency EUR.');
    }
    await newChat.click();
  });

  await test.step('chats, with follow-up questions', async () => {
    expect(typedChats.length).toBeGreaterThanOrEqual(5);
    expect(typedChats.some((turns) => turns.length > 2)).toBe(true);
    expect(typedChats).toContain(SUM);
    for (const turns of typedChats.filter((one) => one !== SUM && (ALL || isFew(one)))) {
      for (const [index, turn] of turns.entries()) {
        await ask(page, turn.question);
        expect(await answer(page, index), turn.question).toBe(turn.answer);
      }
      await newChat.click();
    }
  });

  await test.step('an answer that was stopped leaves nothing behind', async () => {
    const long = goldenTurn('Who are you?');
    const short = goldenTurn('What is 27 + 46?');
    await ask(page, long.question);
    await expect(answers).toContainText('Lexicon', ANSWERED);
    await stop.click();
    await expect(page.getByText('Stopped', { exact: true })).toBeVisible();
    const partial = (await answers.textContent())?.trim() ?? '';
    expect(partial.length).toBeLessThan(long.answer.length);
    expect(long.answer.startsWith(partial)).toBe(true);
    if (ALL) {
      await page.getByRole('button', { name: 'Answer again' }).click();
      expect(await answer(page, 0)).toBe(long.answer);
    }
    await newChat.click();
    await ask(page, short.question);
    expect(await answer(page, 0)).toBe(short.answer);
  });
});
