// Pictures of the page in use, for the README and for the manifest. The answers are Lexicon's own, the speed is that of a
// GPU that was measured.

import { join } from 'node:path';
import { test, type Page } from '@playwright/test';
import { typedTurn } from '../../src/testing/golden-chats.ts';
import { scriptEngine, words } from '../scripted-engine.ts';
import { ask, chat, expect } from '../ui-test.ts';

const FOLDER = join(import.meta.dirname, '../../public/screenshots');

const EARLIER = ['Who are you?', 'What is 27 + 46?', 'What is another word for happy?', 'Define gravity.'];
const SHOWN = ['What is an apple?', 'What is the opposite of hot?'];

async function open(page: Page): Promise<void> {
  const answers = [...EARLIER, ...SHOWN].map((question) => {
    const { answer } = typedTurn(question);
    return [question, { pieces: words(answer) }] as const;
  });
  await scriptEngine(page, {
    info: {
      adapter: { vendor: 'nvidia', architecture: 'hopper', description: 'NVIDIA H100', features: ['subgroups'] },
    },
    answers: Object.fromEntries(answers),
  });
  await page.goto('/');
  await expect(chat(page).announced).toHaveText('Lexicon is ready.');
}

async function talk(page: Page): Promise<void> {
  for (const question of EARLIER) {
    await ask(page, question);
    await expect(page.getByText(/first after/)).toHaveCount(1);
    await chat(page).newChat.click();
  }
  for (const [index, question] of SHOWN.entries()) {
    await ask(page, question);
    await expect(page.getByText(/first after/)).toHaveCount(index + 1);
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
      await page.getByRole('button', { name: 'Models' }).click();
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
