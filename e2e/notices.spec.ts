// The licences of what the page is made of: a file beside it, that the page has a link to.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from './ui-test.ts';

const root = join(import.meta.dirname, '..');

test('shows the licences of all that is bundled', async ({ page }) => {
  await page.goto('/');
  const link = page.getByRole('link', { name: 'Licences' });
  await expect(link).toBeVisible();
  const response = await page.request.get((await link.getAttribute('href')) ?? '');
  expect(response.ok()).toBe(true);
  const text = await response.text();
  const { dependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { dependencies: object };
  for (const [name, version] of Object.entries(dependencies)) expect(text).toContain(`${name} ${version} (`);
  // These stand in workers, and belong to the page all the same.
  for (const name of ['highlight.js', 'temml']) expect(text).toContain(`\n${name} `);
  expect(text).toContain('Apache License');
  // The service worker is of our own code alone: it loads nothing besides, and bears no package's mark.
  const worker = readFileSync(join(root, 'dist/sw.js'), 'utf8');
  expect(worker).not.toMatch(/importScripts|workbox:/);
});
