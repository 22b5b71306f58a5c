// The page of comparisons: two quick models side by side, the divergence of each token by keyboard and in a table.

import type { Page } from '@playwright/test';
import { violations } from './axe.ts';
import { coloursOn } from './looks.ts';
import { serveQuickPackage } from './quick-package.ts';
import { expect, test } from './ui-test.ts';

const DEVICES = [
  { device: 'a desktop', viewport: { width: 1280, height: 900 } },
  { device: 'a phone', viewport: { width: 390, height: 844 } },
] as const;

const compareButton = (page: Page) => page.getByRole('button', { name: 'Compare' });

for (const { device, viewport } of DEVICES) {
  test(`on ${device} compares two models, and all is to be read`, async ({ page }) => {
    await page.setViewportSize(viewport);
    await serveQuickPackage(page, '**/models/lexicon/*');
    await serveQuickPackage(page, '**/models/other/*', { name: 'other' }, { num_hidden_layers: 1 });
    await page.goto(`/compare.html?${new URLSearchParams({ second: './models/other/', tokens: '8', prompt: 'Hi' })}`);
    await compareButton(page).press('Enter');
    await expect(page.getByRole('status')).toHaveText('Done.');
    for (const [order, name] of [
      ['First', 'quick'],
      ['Second', 'other'],
    ] as const) {
      const side = page.getByRole('region', { name: `${order} ${name} in f32` });
      await expect(side).toContainText('tokens/s');
      await expect(side).toContainText('8 tokens');
    }
    // Each token can be chosen with the keys, and says its number.
    const tokens = page.getByRole('toolbar', { name: 'Tokens of the first answer' }).getByRole('button');
    await expect(tokens).toHaveCount(8);
    await tokens.first().focus();
    await page.keyboard.press('ArrowRight');
    await expect(tokens.nth(1)).toBeFocused();
    await expect(tokens.nth(1)).toHaveAccessibleName(/, \S+ nats$/);
    await expect(page.getByText(/^Token 2, .*: divergence \S+ nats/)).toBeVisible();
    await page.keyboard.press('End');
    await expect(tokens.last()).toBeFocused();
    await page.getByText('All tokens as a table').click();
    const divergences = page.getByRole('cell').filter({ hasText: / nats/ });
    await expect(divergences).toHaveCount(8);
    for (const text of await divergences.allTextContents()) expect(Number.parseFloat(text)).toBeGreaterThan(0);
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    expect(wide).toBeLessThanOrEqual(0);
    for (const colorScheme of coloursOn(device)) {
      await page.emulateMedia({ colorScheme });
      expect(await violations(page)).toEqual([]);
    }
  });
}

test('finds no divergence of a model from itself, and says what cannot be compared', async ({ page }) => {
  await serveQuickPackage(page, '**/models/lexicon/*');
  await serveQuickPackage(page, '**/models/wide/*', {}, { vocab_size: 520 });
  await page.goto('/compare.html?tokens=4&prompt=Hi');
  const status = page.getByRole('status');
  await compareButton(page).click();
  await expect(status).toHaveText('Done.');
  await expect(page.getByText('The mean divergence of its predictions is 0 nats')).toContainText('in 4 of 4 places');
  await page.getByLabel('Second model: an address or a repository').fill('./models/wide/');
  await compareButton(page).click();
  await expect(
    page.getByText(/vocabularies of \d+ and 520 tokens: .* cannot be compared token by token/),
  ).toBeVisible();
  await expect(status).toHaveText('Done.');
  await expect(page.getByRole('toolbar')).toHaveCount(0);
  await page.getByLabel('Tokens of an answer').fill('0');
  await compareButton(page).click();
  await expect(status).toContainText('a whole number of tokens from 1 to 1024');
});
