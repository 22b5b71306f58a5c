// The licences of what the page is made of: a file beside it, that the page has a link to.

import { readdirSync, readFileSync } from 'node:fs';
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
  expect(text).toContain('Apache License');
  // Of the service worker, its own marks say what it is made of.
  const dist = join(root, 'dist');
  const [file] = readdirSync(dist).filter((one) => /^workbox-.*\.js$/.test(one));
  const marks = readFileSync(join(dist, file!), 'utf8').matchAll(/workbox:([a-z-]+):\d/g);
  const parts = [...new Set(Array.from(marks, ([, part]) => `workbox-${part}`))];
  expect(parts.length).toBeGreaterThan(2);
  for (const part of parts) expect(text).toContain(`\n${part} `);
});
