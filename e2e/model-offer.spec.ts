// Any other model is looked at before it is downloaded: what it takes, and whether it can run here at all.

import { serveQuickPackage } from './quick-package.ts';
import { chat, expect, test } from './ui-test.ts';

const LOADED = { timeout: 180_000 };

test('the download of any other model is told before it begins', async ({ page }) => {
  test.setTimeout(400_000);
  const downloads: string[] = [];
  page.on('request', (request) => {
    if (request.url().includes('/models/other/')) downloads.push(request.url().split('/').at(-1) ?? '');
  });
  await serveQuickPackage(page, '**/models/lexicon/**');
  await serveQuickPackage(page, '**/models/other/**', { name: 'Other' });
  await serveQuickPackage(page, '**/models/later/**', { version: 7 });
  await page.goto('/');
  await expect(chat(page).announced).toHaveText('quick is ready.', LOADED);
  await page.getByTitle('Models').click();
  const field = page.getByRole('textbox', { name: 'Repository or address' });

  await field.fill('./models/later/');
  await field.press('Enter');
  await expect(field).toHaveAccessibleDescription(/version 7/, LOADED);
  await expect(field).toBeFocused();

  await field.fill('./models/other/');
  await field.press('Enter');
  const offer = page.locator('.offer-line');
  await expect(offer).toContainText(/\d kB to download/, LOADED);
  await expect(page.getByRole('alert')).toHaveCount(0);
  expect(downloads).toEqual(['manifest.json']);
  await offer.getByRole('button', { name: 'Cancel' }).click();
  await expect(offer).toHaveCount(0);

  await field.press('Enter');
  await offer.getByRole('button', { name: 'Download and load' }).click(LOADED);
  await expect(page.getByRole('dialog')).toHaveCount(0);
  await expect(chat(page).announced).toHaveText('Other is ready.', LOADED);
  expect(downloads).toContain('shard-0000.bin');
});
