// Icons as pictures of the sizes that systems ask for, from the drawings beside them.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from '@playwright/test';

const FOLDER = join(import.meta.dirname, '../../public/icons');

for (const name of ['bamba', 'maskable']) {
  for (const size of [192, 512]) {
    test(`${name}, ${size} by ${size}`, async ({ page }) => {
      await page.setViewportSize({ width: size, height: size });
      const drawing = readFileSync(join(FOLDER, `${name}.svg`)).toString('base64');
      await page.setContent(
        `<style>body{margin:0}</style><img width="${size}" height="${size}" src="data:image/svg+xml;base64,${drawing}">`,
      );
      await page.locator('img').evaluate((image: HTMLImageElement) => image.decode());
      await page.screenshot({ path: join(FOLDER, `${name}-${size}.png`), omitBackground: true });
    });
  }
}
