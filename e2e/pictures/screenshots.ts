// Pictures of the page in use, for the README and for the manifest. The answers are Lexicon's own, from its recorded
// chats; speeds are left out, as nothing computes here.

import { join } from 'node:path';
import { test, type Page } from '@playwright/test';
import { goldenTurn, otherChats } from '../../src/testing/models/golden-chats.ts';
import { keepLexicon } from '../kept-model.ts';
import { scriptEngine, words } from '../scripted-engine.ts';
import { ask, chat, expect } from '../ui-test.ts';

const FOLDER = join(import.meta.dirname, '../../public/screenshots');

const EARLIER = ['Who are you?', 'What is another word for happy?', 'Define gravity.'];
/** Follow-up questions, and one that lies outside of what the model knows. */
const SHOWN = otherChats.find(([, second]) => second?.question === 'And its currency?')!.slice(0, 4);

async function open(page: Page): Promise<void> {
  const turns = [...EARLIER.map((question) => goldenTurn(question)), ...SHOWN];
  const answers = turns.map(({ question, answer }) => [question, { pieces: words(answer) }] as const);
  await scriptEngine(page, {
    withoutUsage: true,
    info: { adapter: { vendor: '', architecture: '', description: 'WebGPU', features: [], tuned: false } },
    answers: Object.fromEntries(answers),
  });
  await page.goto('/');
  await expect(chat(page).announced).toHaveText('Lexicon is ready.');
}

async function talk(page: Page): Promise<void> {
  for (const question of EARLIER) {
    await ask(page, question);
    await expect(page.getByRole('button', { name: 'Answer again' })).toBeVisible();
    await chat(page).newChat.click();
  }
  for (const { question } of SHOWN) {
    await ask(page, question);
    await expect(page.getByRole('button', { name: 'Answer again' })).toBeVisible();
  }
  await page.mouse.move(640, 500);
}

for (const colorScheme of ['light', 'dark'] as const) {
  test.describe(colorScheme, () => {
    test.use({ colorScheme, contextOptions: { reducedMotion: 'reduce' } });

    test('wide', async ({ page }) => {
      await page.setViewportSize({ width: 1280, height: 800 });
      await open(page);
      await page.screenshot({ path: `test-results/welcome-${colorScheme}.png` });
      await talk(page);
      await page.screenshot({ path: join(FOLDER, `chat-${colorScheme}.png`) });
      const models = page.getByRole('button', { name: 'Models' });
      await models.click();
      await expect(page.getByText('None yet.')).toBeVisible();
      await page.keyboard.press('Escape');
      await page.evaluate(keepLexicon);
      await models.click();
      await expect(page.getByRole('button', { name: 'Delete Lexicon, int8' })).toBeVisible();
      await page.screenshot({ path: join(FOLDER, `models-${colorScheme}.png`) });
      await page.keyboard.press('Escape');
      await chat(page).settings.click();
      await page.screenshot({ path: `test-results/settings-${colorScheme}.png` });
    });
  });

  test.describe(`${colorScheme}, phone`, () => {
    test.use({ colorScheme, viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true });

    test('narrow', async ({ page }) => {
      await open(page);
      await page.screenshot({ path: `test-results/phone-welcome-${colorScheme}.png` });
      await talk(page);
      await page.screenshot({ path: join(FOLDER, `phone-${colorScheme}.png`) });
      await page.getByRole('button', { name: 'Chats' }).tap();
      await page.screenshot({ path: `test-results/phone-drawer-${colorScheme}.png` });
    });
  });
}
