// The header with its tools, wide and narrow; and the statistics, which are behind one switch.

import type { Page } from '@playwright/test';
import { violations } from './axe.ts';
import { scriptEngine, words, type EngineScript } from './scripted-engine.ts';
import { ask, chat, ended, expect, offerInstallation, test } from './ui-test.ts';

const SCRIPT: EngineScript = {
  answers: {
    first: { pieces: words('One two three.') },
    second: { pieces: words('Four five.'), usage: { promptTokens: 120, cachedTokens: 44 } },
    '*': { pieces: ['Fine.'] },
  },
};
const PHONE = { width: 390, height: 844 };

async function open(page: Page): Promise<void> {
  await scriptEngine(page, SCRIPT);
  await page.goto('/');
  await expect(chat(page).announced).toHaveText('Lexicon is ready.');
}

test('where there is room, the icons of the header say in words what they do', async ({ page }) => {
  await page.setViewportSize({ width: 1280, height: 800 });
  await open(page);
  const labels = page.locator('.header .label');
  await expect(labels).toHaveText(['Chats', 'New chat', /^(Dark|Light) colours$/, 'Settings']);
  for (const label of await labels.all()) await expect(label).toBeVisible();
  await expect(page.getByRole('button', { name: 'More', exact: true })).toBeHidden();
  // In between there is room for the icons alone.
  await page.setViewportSize({ width: 700, height: 800 });
  for (const label of await labels.all()) await expect(label).toBeHidden();
  await expect(chat(page).settings).toBeVisible();
});

test('on a phone the tools are in a menu, Install among them, and the title is whole', async ({ page }) => {
  await page.setViewportSize(PHONE);
  await open(page);
  await page.evaluate(offerInstallation);
  const more = page.getByRole('button', { name: 'More', exact: true });
  const install = page.getByRole('button', { name: 'Install' });
  await expect(more).toHaveAttribute('aria-expanded', 'false');
  for (const tool of [install, chat(page).settings]) await expect(tool).toBeHidden();
  await more.click();
  await expect(more).toHaveAttribute('aria-expanded', 'true');
  for (const tool of [install, chat(page).settings]) await expect(tool).toBeInViewport({ ratio: 1 });
  // A click elsewhere closes it, and so does a tool.
  await chat(page).scroller.click({ position: { x: 20, y: 500 } });
  await expect(install).toBeHidden();
  await more.click();
  await page.getByRole('button', { name: /^Use (dark|light) colours$/ }).click();
  await expect(install).toBeHidden();
  await more.click();
  await install.click();
  await expect(install).toBeHidden();
  await more.click();
  await expect(chat(page).settings).toBeVisible();
  // The browser asks once.
  await expect(install).toBeHidden();
});

test('the menu is used by the keyboard alone; Escape closes it, and does not stop an answer', async ({ page }) => {
  await page.setViewportSize(PHONE);
  await scriptEngine(page, { answers: { '*': { pieces: words('on and on '.repeat(80)), delayMs: 40 } } });
  await page.goto('/');
  await ask(page, 'Many?');
  await expect(chat(page).answers).toContainText('on and');
  const more = page.getByRole('button', { name: 'More', exact: true });
  const { settings } = chat(page);
  await more.focus();
  await page.keyboard.press('Enter');
  await page.keyboard.press('Tab');
  await page.keyboard.press('Tab');
  await expect(settings).toBeFocused();
  await page.keyboard.press('Escape');
  await expect(settings).toBeHidden();
  await expect(more).toBeFocused();
  await expect(chat(page).stop).toBeVisible();
  await page.keyboard.press('Enter');
  await settings.focus();
  await page.keyboard.press('Enter');
  await expect(page.getByRole('dialog', { name: 'Settings' })).toBeVisible();
  await page.keyboard.press('Escape');
  await expect(page.getByRole('dialog')).toHaveCount(0);
  // The button that opened the dialog is in a closed menu.
  await expect(more).toBeFocused();
  await page.keyboard.press('Enter');
  await expect(settings).toBeVisible();
  await page.keyboard.press('Shift+Tab');
  await expect(settings).toBeHidden();
});

test('statistics are shown once, in words, where they are asked for, and never those of another chat', async ({
  page,
}) => {
  await open(page);
  const toggle = page.getByRole('button', { name: 'Statistics' });
  const facts = page.locator('.statistics');
  // There are none before anything was answered.
  await expect(toggle).toHaveCount(0);
  await ask(page, 'first');
  await ended(page);
  await expect(facts).toBeHidden();
  await expect(toggle).toHaveAttribute('aria-pressed', 'false');
  await toggle.click();
  await expect(toggle).toHaveAttribute('aria-pressed', 'true');
  await expect(facts).toHaveText('12 tokens read · first after 0.118 s · 3 tokens written, 58.3 tokens/s');
  await ask(page, 'second');
  await ended(page);
  await expect(facts.nth(1)).toHaveText(
    '76 tokens read, 44 kept from before · first after 0.118 s · 2 tokens written, 58.3 tokens/s',
  );
  await expect(page.getByText('58.3 tokens/s')).toHaveCount(2);
  await chat(page).newChat.click();
  await expect(page.getByText('tokens/s')).toHaveCount(0);
  await expect(toggle).toHaveCount(0);
  // The choice holds on the next visit.
  await page.reload();
  await ask(page, 'third');
  await expect(facts).toHaveText('12 tokens read · first after 0.118 s · 1 token written, 58.3 tokens/s');
  await toggle.focus();
  await page.keyboard.press('Enter');
  await expect(facts).toBeHidden();
});

for (const colorScheme of ['light', 'dark'] as const) {
  test(`axe finds nothing in the menu and in the statistics, in ${colorScheme} colours`, async ({ page }) => {
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
    await open(page);
    await page.evaluate(offerInstallation);
    await ask(page, 'second');
    await page.getByRole('button', { name: 'Statistics' }).click();
    expect(await violations(page)).toEqual([]);
    await page.setViewportSize(PHONE);
    await page.getByRole('button', { name: 'More', exact: true }).click();
    expect(await violations(page)).toEqual([]);
    const widths = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
    expect(widths[0]).toBeLessThanOrEqual(widths[1]!);
  });
}
