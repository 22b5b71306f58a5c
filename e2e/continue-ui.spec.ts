// Answers that were stopped, cut off or interrupted go on.

import { requests, scriptEngine, words, type ScriptedAnswer } from './scripted-engine.ts';
import { ask, chat, expect, test } from './ui-test.ts';

const slow: ScriptedAnswer = { pieces: words('on and on '.repeat(60)), delayMs: 30 };

for (const [device, viewport] of [
  ['a desktop', { width: 1280, height: 720 }],
  ['a phone', { width: 390, height: 844 }],
] as const) {
  test(`on ${device}, a stopped answer goes on from its text, by the keyboard alone`, async ({ page }) => {
    await page.setViewportSize(viewport);
    await scriptEngine(page, { answers: { slow, '*': { pieces: [' and', ' done.'] } } });
    await page.goto('/');
    const { answers, announced, input } = chat(page);
    await ask(page, 'slow');
    await expect(answers).toContainText('on and on');
    await page.keyboard.press('Escape');
    await expect(announced).toHaveText('Stopped.');
    const begun = (await answers.textContent()) ?? '';
    const proceed = page.getByRole('button', { name: 'Continue' });
    await input.press('Shift+Tab');
    await expect(proceed).toBeFocused();
    await page.keyboard.press('Enter');
    await expect(answers).toContainText('and done.');
    await expect(proceed).toHaveCount(0);
    const [question, answer] = (await requests(page)).at(-1)?.messages ?? [];
    expect((await requests(page)).at(-1)?.continueLast).toBe(true);
    expect(question).toEqual({ role: 'user', content: 'slow' });
    expect(answer?.content.trim()).toBe(begun.trim());
    await expect(answers).toHaveText(`${begun.trim()} and done.`);
    await page.reload();
    await expect(answers).toHaveText(`${begun.trim()} and done.`);
    await expect(page.getByRole('button', { name: 'Answer again' })).toBeVisible();
    await expect(proceed).toHaveCount(0);
  });
}

test('an answer that was cut off goes on, also after it failed to', async ({ page }) => {
  const lost = { code: 'device_lost', message: 'The GPU stopped; load the model again.' };
  await scriptEngine(page, {
    answers: {
      'What?': { pieces: ['One'], finishReason: 'length' },
      One: [{ pieces: [], fault: lost }, { pieces: [' two.'] }],
    },
  });
  await page.goto('/');
  const { alert, answers } = chat(page);
  const proceed = page.getByRole('button', { name: 'Continue' });
  await ask(page, 'What?');
  await expect(page.getByText('The answer reached its limit of tokens')).toBeVisible();
  await proceed.click();
  await expect(alert).toContainText('The GPU stopped');
  await expect(answers).toHaveText('One');
  await proceed.click();
  await expect(answers).toHaveText('One two.');
  await expect(alert).toHaveCount(0);
});
