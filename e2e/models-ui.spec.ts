// Choosing a model: presets, any other, what is kept; and models that only continue text.

import type { Page } from '@playwright/test';
import { keepLexicon } from './kept-model.ts';
import { requests, scriptEngine, words } from './scripted-engine.ts';
import { ask, chat, CHAT_ID, expect, test } from './ui-test.ts';

const SCRIPT = { answers: { '*': { pieces: ['Fine.'] } } };

const loads = (page: Page): Promise<{ model: string; dtype?: string; revision?: string }[]> =>
  page.evaluate(() => window.engineProbe.loads);

async function openModels(page: Page): Promise<void> {
  await page.getByRole('button', { name: 'Models' }).click();
  await expect(page.getByRole('dialog', { name: 'Models' })).toBeVisible();
}

test('a preset is loaded in the type that is chosen, and again on the next visit', async ({ page }) => {
  await scriptEngine(page, SCRIPT);
  await page.goto('/');
  await expect(chat(page).announced).toHaveText('Lexicon is ready.');
  await openModels(page);
  const granite = page.getByRole('listitem').filter({ hasText: 'Granite 4.0-H 1B' });
  await page.getByRole('combobox', { name: 'Type of Granite 4.0-H 1B' }).selectOption('int8');
  await expect(granite).toContainText('2.92 GB to download · 1.51 GB kept · 1.57 GB of GPU memory · Apache 2.0');
  await page.getByRole('combobox', { name: 'Type of Granite 4.0-H 1B' }).selectOption('int4');
  await expect(granite).toContainText('850 MB kept');
  await page.getByRole('button', { name: 'Load Granite 4.0-H 1B' }).click();
  await expect(page.getByRole('dialog')).toHaveCount(0);
  await expect(chat(page).announced).toHaveText(/Lexicon is ready/);
  const chosen = { model: 'ibm-granite/granite-4.0-h-1b', dtype: 'int4' };
  expect((await loads(page)).at(-1)).toMatchObject(chosen);
  // The former engine is freed.
  await expect.poll(() => page.evaluate(() => window.engineProbe.disposed)).toBe(1);
  await page.reload();
  await expect(chat(page).announced).toHaveText('Lexicon is ready.');
  expect(await loads(page)).toMatchObject([chosen]);
  await openModels(page);
  await expect(granite.getByText('Running')).toBeVisible();
  await page.getByRole('button', { name: 'Load Lexicon' }).click();
  await expect.poll(async () => (await loads(page)).at(-1)?.model).toMatch(/\/models\/lexicon\/$/);
});

test('any other model is named by its repository or its address', async ({ page }) => {
  await scriptEngine(page, SCRIPT);
  await page.goto('/');
  await openModels(page);
  const field = page.getByRole('textbox', { name: 'Repository or address' });
  await field.fill('just a name');
  await page.keyboard.press('Enter');
  await expect(chat(page).alert).toContainText('Give a repository as org/name');
  await expect(field).toBeFocused();
  await field.fill('https://huggingface.co/org/name/tree/v2');
  await page.getByRole('combobox', { name: 'Type to store it in' }).selectOption('fp8');
  await page.getByRole('button', { name: 'Load', exact: true }).click();
  await expect
    .poll(async () => (await loads(page)).at(-1))
    .toMatchObject({ model: 'org/name', revision: 'v2', dtype: 'fp8' });
});

test('kept models are listed with their size, and deleted once that is confirmed', async ({ page }) => {
  await scriptEngine(page, SCRIPT);
  await page.goto('/');
  await openModels(page);
  await expect(page.getByText('None yet.')).toBeVisible();
  await expect(page.getByText(/that this site may use/)).toBeVisible();
  await page.keyboard.press('Escape');
  await page.evaluate(keepLexicon);
  await openModels(page);
  await expect(page.getByText(/^int8 · 3\d\.\d MB$/)).toBeVisible();
  const remove = page.getByRole('button', { name: 'Delete Lexicon, int8' });
  await remove.click();
  await page.getByRole('button', { name: 'Keep', exact: true }).click();
  await remove.click();
  await page.getByRole('button', { name: /^Delete 3\d\.\d MB$/ }).click();
  await expect(page.getByText('None yet.')).toBeVisible();
  await expect(chat(page).announced).toHaveText('Lexicon is deleted.');
});

test('a model without a chat template continues text, and says so', async ({ page }) => {
  await scriptEngine(page, {
    answers: {
      'Once upon a time': { pieces: words(' there was **a** snake.') },
      '*': { pieces: [' the end.'] },
    },
    info: {
      model: {
        name: 'Mamba-2 370M',
        parameters: 368e6,
        scheme: 'int8',
        bytes: 38e7,
        contextLength: 4096,
        hasChatTemplate: false,
      },
    },
  });
  await page.goto('/');
  const { answers, settings } = chat(page);
  await expect(page.getByText('368 M parameters · int8 · plain completion')).toBeVisible();
  await expect(page.getByText('Plain completion', { exact: true })).toBeVisible();
  const input = page.getByRole('textbox', { name: 'Your text' });
  await expect(input).toHaveAttribute('placeholder', 'Text to continue');
  await input.fill('Once upon a time');
  await input.press('Enter');
  // The text is shown as it is: no Markdown.
  await expect(answers).toHaveText('there was **a** snake.');
  await input.fill('It was');
  await input.press('Enter');
  await expect(answers.nth(1)).toHaveText('the end.');
  expect(await requests(page)).toEqual([
    { prompt: 'Once upon a time', maxTokens: 256, conversation: CHAT_ID },
    { prompt: 'Once upon a time there was **a** snake.\nIt was', maxTokens: 256, conversation: CHAT_ID },
  ]);
  await settings.click();
  await expect(page.getByRole('textbox', { name: 'System prompt' })).toHaveCount(0);
});

test('a system prompt goes before every chat, and is kept', async ({ page }) => {
  await scriptEngine(page, SCRIPT);
  await page.goto('/');
  await chat(page).settings.click();
  await page.getByRole('textbox', { name: 'System prompt' }).fill('Answer in verse.');
  await page.keyboard.press('Escape');
  await page.reload();
  await ask(page, 'Why?');
  await expect(chat(page).answers).toHaveText('Fine.');
  expect((await requests(page))[0]?.messages).toEqual([
    { role: 'system', content: 'Answer in verse.' },
    { role: 'user', content: 'Why?' },
  ]);
});
