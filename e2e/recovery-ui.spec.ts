// An engine that loses the GPU in the midst of an answer, and comes back: what a person reads and hears of it.

import { release, scriptEngine, tellStatus, words } from './scripted-engine.ts';
import { ask, chat, expect, test } from './ui-test.ts';

const LOST = {
  attempt: 1,
  reason: 'device_lost',
  message: 'The GPU was lost: the model is being loaded again.',
} as const;

test('says so below the input, keeps the answer, and goes on with it', async ({ page }) => {
  await scriptEngine(page, { answers: { '*': { pieces: words('one two three four'), holdAfter: 2 } } });
  await page.goto('/');
  const { answers, announced } = chat(page);
  await expect(announced).toHaveText('Lexicon is ready.');
  await ask(page, 'Count.');
  await expect(answers).toHaveText('one two');
  const usual = page.getByText('Lexicon can be wrong');
  await expect(usual).toBeVisible();
  await tellStatus(page, { status: 'recovering', ...LOST });
  const line = page.locator('.status-line');
  await expect(line).toContainText(LOST.message);
  await expect(announced).toHaveText(LOST.message);
  await tellStatus(page, { status: 'recovering', ...LOST, progress: 0.426 });
  await expect(line).toContainText(`${LOST.message} 42 %`);
  await expect(usual).toBeHidden();
  await expect(answers).toHaveText('one two');
  await tellStatus(page, { status: 'ready', ...LOST, message: 'The model is there again.' });
  await expect(usual).toBeVisible();
  await expect(announced).toHaveText('The model is there again.');
  await release(page);
  await expect(answers).toHaveText('one two three four');
});

test('that does not come back takes the sentence away, and the question fails as any other', async ({ page }) => {
  const fault = { code: 'webgpu_unavailable', message: 'The GPU does not come back. Restart the browser.' };
  await scriptEngine(page, { answers: { '*': { pieces: words('one two three'), holdAfter: 2, fault } } });
  await page.goto('/');
  const { answers, announced } = chat(page);
  await expect(announced).toHaveText('Lexicon is ready.');
  await ask(page, 'Count.');
  await expect(answers).toHaveText('one two');
  await tellStatus(page, { status: 'recovering', ...LOST });
  await expect(page.locator('.status-line')).toContainText(LOST.message);
  await tellStatus(page, { status: 'failed', ...LOST, message: fault.message });
  await expect(page.locator('.status-line')).not.toContainText(LOST.message);
  await release(page);
  await expect(page.getByRole('alert')).toContainText(fault.message);
  await expect(answers).toContainText('one two three');
});
