// A link to the benchmark may name a model of any site: whoever follows it is asked before anything is loaded from there.

import { join } from 'node:path';
import { expect, type Page, test } from '@playwright/test';
import { violations } from './axe.ts';

/** A site with the demo's model, and what it was asked for. */
async function modelSite(page: Page): Promise<string[]> {
  const asked: string[] = [];
  await page.route('https://models.example/**', async (route) => {
    const file = new URL(route.request().url()).pathname.split('/').at(-1)!;
    asked.push(file);
    const path = join(import.meta.dirname, '../public/models/lexicon', file);
    await route.fulfill({ path, headers: { 'access-control-allow-origin': '*' } });
  });
  return asked;
}

test('asks before it loads a model of another site', async ({ page }) => {
  test.setTimeout(240_000);
  const asked = await modelSite(page);
  await page.goto('/bench.html?model=https://models.example/lexicon/&quick=1&load=0');
  const question = page.getByRole('region', { name: 'Load a model from models.example?' });
  await expect(question).toContainText('https://models.example/lexicon/');
  expect(await violations(page)).toEqual([]);
  await expect(page.getByRole('status')).toHaveText('');
  expect(asked).toEqual([]);
  const request = page.waitForRequest('https://models.example/lexicon/manifest.json', { timeout: 0 });
  await page.getByRole('button', { name: 'Load and measure' }).click();
  await expect(question).toHaveCount(0);
  await expect(page.getByRole('status')).toContainText('Measuring');
  await request;
  await expect.poll(() => asked).toContain('manifest.json');
});
