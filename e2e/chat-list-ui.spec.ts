// The list of chats by date, with those that are pinned first, and the way into its search by the keyboard.

import type { Page } from '@playwright/test';
import { violations } from './axe.ts';
import { scriptEngine } from './scripted-engine.ts';
import { ask, chat, expect, test } from './ui-test.ts';

const DAY = 24 * 60 * 60 * 1000;
/** Noon, so that a day more or less is another day everywhere. */
const NOW = new Date(2026, 5, 15, 12).getTime();

const CHATS = [
  ['Of today', 0],
  ['Of yesterday', 1],
  ['Of this week', 4],
  ['Of May', 30],
  ['Of long ago', 400],
] as const;

const FILE = JSON.stringify({
  format: 'bamba-web chats',
  version: 1,
  chats: CHATS.map(([title, days]) => ({
    title,
    updatedAt: NOW - days * DAY,
    turns: [{ question: title, answer: `Answer ${title.toLowerCase()}.` }],
  })),
});

/** The texts of the list from top to bottom: headings and titles. */
async function list(page: Page): Promise<string[]> {
  return (await page.locator('.chats-label, .chat-title').allTextContents()).map((text) => text.trim());
}

async function open(page: Page): Promise<void> {
  await page.clock.setFixedTime(NOW);
  await scriptEngine(page, { answers: { '*': { pieces: ['Yes.'] } } });
  await page.goto('/');
}

async function importChats(page: Page): Promise<void> {
  const buffer = Buffer.from(FILE);
  await page.locator('input.files').setInputFiles({ name: 'chats.json', mimeType: 'application/json', buffer });
  await expect(chat(page).announced).toHaveText('5 chats imported.');
}

const BY_DATE = [
  ['Today', 'Of today'],
  ['Yesterday', 'Of yesterday'],
  ['Previous 7 days', 'Of this week'],
  ['May 2026', 'Of May'],
  ['May 2025', 'Of long ago'],
].flat();

for (const colorScheme of ['light', 'dark'] as const) {
  test.describe(colorScheme, () => {
    test.use({ colorScheme, contextOptions: { reducedMotion: 'reduce' } });

    test('chats stand under their days; pinned ones come first, and stay so over a reload', async ({ page }) => {
      await open(page);
      await importChats(page);
      expect(await list(page)).toEqual(BY_DATE);
      await expect(page.getByRole('list', { name: 'Yesterday' }).getByRole('listitem')).toHaveCount(1);
      const act = async (title: string, action: string): Promise<void> => {
        await page.getByRole('button', { name: `More for “${title}”` }).press('Enter');
        await page.getByRole('button', { name: action, exact: true }).press('Enter');
      };
      await act('Of May', 'Pin');
      await expect(chat(page).announced).toHaveText('Pinned.');
      await expect(page.getByRole('button', { name: 'Of May', exact: true })).toBeFocused();
      const pinned = ['Pinned', 'Of May', ...BY_DATE.filter((text) => text !== 'May 2026' && text !== 'Of May')];
      expect(await list(page)).toEqual(pinned);
      expect(await violations(page)).toEqual([]);
      await page.reload();
      await expect(page.locator('.chat-title')).toHaveCount(5);
      expect(await list(page)).toEqual(pinned);
      await act('Of May', 'Unpin');
      await expect(chat(page).announced).toHaveText('Not pinned any longer.');
      expect(await list(page)).toEqual(BY_DATE);
    });
  });
}

test('Ctrl+K searches from anywhere, Enter opens what was found, and Escape leaves', async ({ page }) => {
  await open(page);
  await importChats(page);
  const { answers, input } = chat(page);
  const search = page.getByRole('searchbox', { name: 'Search chats' });
  await input.focus();
  await page.keyboard.press('Control+k');
  await expect(search).toBeFocused();
  await page.keyboard.type('LONG AGO');
  await expect(page.locator('.chat-title')).toHaveText(['Of long ago']);
  await page.keyboard.press('Escape');
  await expect(search).toHaveValue('');
  await expect(page.locator('.chat-title')).toHaveCount(5);
  await expect(input).toBeFocused();
  // A list that was closed is closed again.
  await page.getByRole('button', { name: 'Chats', exact: true }).click();
  await expect(search).toHaveCount(0);
  await page.keyboard.press('Meta+k');
  await expect(search).toBeFocused();
  await page.keyboard.press('Escape');
  await expect(search).toHaveCount(0);
  await page.keyboard.press('Control+k');
  await page.keyboard.type('yesterday');
  await page.keyboard.press('Enter');
  await expect(answers).toHaveText('Answer of yesterday.');
  await expect(search).toHaveCount(0);
  await expect(input).toBeFocused();
  // A dialog that asks for something else stays.
  await chat(page).settings.click();
  await page.keyboard.press('Control+k');
  await expect(page.getByRole('dialog', { name: 'Settings' })).toBeVisible();
  await expect(search).toHaveCount(0);
});

test.describe('on a phone', () => {
  test.use({ viewport: { width: 390, height: 844 } });

  test('Ctrl+K opens the drawer, and Escape closes it', async ({ page }) => {
    await open(page);
    await page.getByRole('button', { name: 'Chats', exact: true }).click();
    await importChats(page);
    await page.keyboard.press('Escape');
    await expect(page.getByRole('dialog')).toHaveCount(0);
    await chat(page).input.focus();
    await page.keyboard.press('Control+k');
    await expect(page.getByRole('dialog', { name: 'Chats' })).toBeVisible();
    await expect(page.getByRole('searchbox')).toBeFocused();
    expect(await violations(page)).toEqual([]);
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(390);
    await page.keyboard.type('week');
    await expect(page.locator('.chat-title')).toHaveText(['Of this week']);
    await page.keyboard.press('Escape');
    await expect(page.getByRole('dialog')).toHaveCount(0);
    await expect(chat(page).input).toBeFocused();
    await ask(page, 'New?');
    await expect(chat(page).answers).toHaveText('Yes.');
  });
});
