// Settings: checked, sent, kept, reset; and the colours of the page.

import { rangeText, SETTING_FIELDS } from '../src/element/settings/sampling-settings.ts';
import { requests, scriptEngine } from './scripted-engine.ts';
import { ask, chat, CHAT_ID, ended, expect, test } from './ui-test.ts';

const SCRIPT = { answers: { '*': { pieces: ['Fine.'] } } };

test('valid settings reach the engine, invalid ones are named, all are kept, and can be reset', async ({ page }) => {
  await scriptEngine(page, SCRIPT);
  await page.goto('/');
  const { answers, settings } = chat(page);
  await settings.click();
  const temperature = page.getByRole('textbox', { name: 'Temperature' });
  await expect(temperature).toHaveAttribute('placeholder', '0');
  await temperature.fill('0,7');
  await page.getByRole('textbox', { name: 'Top-k' }).fill('40');
  await page.getByRole('textbox', { name: 'Longest answer' }).fill('64');
  await page.getByRole('textbox', { name: 'Seed' }).fill('7');
  await page.getByRole('slider', { name: 'Top-p, slider' }).fill('0.9');
  await expect(page.getByRole('textbox', { name: 'Top-p' })).toHaveValue('0.9');
  const minP = page.getByRole('textbox', { name: 'Min-p' });
  await minP.fill('2');
  const about = page.locator('#about-minP');
  await expect(about).toHaveText('Min-p takes a number, 0 to 1; leave it empty for the default. In force: 0.');
  await expect(minP).toHaveAttribute('aria-invalid', 'true');
  await page.keyboard.press('Escape');
  await expect(settings).toBeFocused();
  await ask(page, 'Like this?');
  await expect(answers).toHaveText('Fine.');
  const set = { temperature: 0.7, topK: 40, topP: 0.9, maxTokens: 64, seed: 7 };
  expect((await requests(page))[0]).toEqual({
    messages: [{ role: 'user', content: 'Like this?' }],
    conversation: CHAT_ID,
    ...set,
  });

  await page.reload();
  // The chat itself is there again, too.
  await expect(answers).toHaveText('Fine.');
  await ask(page, 'Still?');
  await expect(answers.nth(1)).toHaveText('Fine.');
  expect((await requests(page))[0]).toMatchObject(set);
  await settings.click();
  await expect(temperature).toHaveValue('0.7');
  await expect(minP).toHaveValue('');
  await page.getByRole('button', { name: 'Reset to the model’s defaults' }).click();
  await expect(temperature).toHaveValue('');
  await page.getByRole('button', { name: 'Close settings' }).click();
  await ask(page, 'As the model likes?');
  await expect(answers.nth(2)).toHaveText('Fine.');
  expect(Object.keys((await requests(page))[1] ?? {})).toEqual(['messages', 'conversation']);
});

test('every setting says its range before anything is typed, and what is out of it changes nothing', async ({
  page,
}) => {
  await scriptEngine(page, SCRIPT);
  await page.goto('/');
  await expect(chat(page).announced).toHaveText('Lexicon is ready.');
  await chat(page).settings.click();
  for (const field of SETTING_FIELDS) {
    const input = page.locator(`#setting-${field.name}`);
    // Narrow spaces are spaces in descriptions.
    const range = rangeText(field).replaceAll('\u202f', ' ');
    await expect(input).toHaveAccessibleDescription(new RegExp(`^${range} · `));
    await input.fill(String(field.max + 1));
    await expect(input).toHaveAttribute('aria-invalid', 'true');
    await expect(input).toHaveAccessibleDescription(
      new RegExp(`^${field.label} takes .*${range}; .* In force: .+\\.$`),
    );
  }
  await page.keyboard.press('Escape');
  await ask(page, 'Fine?');
  await expect(chat(page).answers).toHaveText('Fine.');
  expect(Object.keys((await requests(page))[0] ?? {})).toEqual(['messages', 'conversation']);
});

test('says what is running', async ({ page }) => {
  await scriptEngine(page, SCRIPT);
  await page.goto('/');
  await expect(chat(page).announced).toHaveText('Lexicon is ready.');
  await chat(page).settings.click();
  for (const fact of ['34.9 M', 'int8, 35.4 MB on the GPU', 'Scripted GPU', 'subgroups']) {
    await expect(page.getByRole('definition').filter({ hasText: fact })).toBeVisible();
  }
});

test('Escape in the settings closes them and does not stop the answer', async ({ page }) => {
  await scriptEngine(page, { answers: { '*': { pieces: Array(50).fill('word ') as string[], delayMs: 40 } } });
  await page.goto('/');
  await ask(page, 'Many?');
  await expect(chat(page).answers).toContainText('word');
  await chat(page).settings.click();
  await page.keyboard.press('Escape');
  await expect(page.getByRole('dialog')).toHaveCount(0);
  await expect(chat(page).stop).toBeVisible();
  await ended(page);
});

test('colours follow the system until they are chosen, and the choice is kept', async ({ page }) => {
  await scriptEngine(page, SCRIPT);
  await page.emulateMedia({ colorScheme: 'dark' });
  await page.goto('/');
  const ground = (): Promise<string[]> =>
    page.evaluate(() =>
      [document.documentElement, document.querySelector('bamba-chat')].map((each) =>
        each ? getComputedStyle(each).backgroundColor : '',
      ),
    );
  const dark = ['rgb(18, 22, 20)', 'rgb(18, 22, 20)'];
  const light = ['rgb(248, 246, 241)', 'rgb(248, 246, 241)'];
  await expect.poll(ground).toEqual(dark);
  await page.emulateMedia({ colorScheme: 'light' });
  await expect.poll(ground).toEqual(light);
  await page.getByRole('button', { name: 'Use dark colours' }).click();
  await expect.poll(ground).toEqual(dark);
  await page.reload();
  await expect.poll(ground).toEqual(dark);
  await chat(page).settings.click();
  await page.getByRole('radio', { name: 'System' }).check({ force: true });
  await expect.poll(ground).toEqual(light);
  // A choice holds also where it is what the system had at the time.
  await page.getByRole('radio', { name: 'Light' }).check({ force: true });
  await page.emulateMedia({ colorScheme: 'dark' });
  await expect.poll(ground).toEqual(light);
});
