// The page as an app: it can be installed, and takes a newer version when the person says so.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium, type Page } from '@playwright/test';
import { CHROMIUM_FLAGS, chromiumPath } from '../src/testing/browser/chromium.ts';
import { type PageServer, servePage } from './page-server.ts';
import { scriptEngine, type EngineScript } from './scripted-engine.ts';
import { ask, chat, expect, test } from './ui-test.ts';

let server: PageServer;

// The page's own server is one of the test's, on a port of its own.
test.use({ serviceWorkers: 'allow', baseURL: 'http://127.0.0.1:' });

test.beforeEach(async () => {
  server = await servePage();
});

test.afterEach(() => server.close());

async function open(page: Page, answers: EngineScript['answers'] = {}): Promise<void> {
  await scriptEngine(page, { answers });
  await page.goto(server.url);
  await expect(chat(page).announced).toHaveText('Lexicon is ready.');
  await page.evaluate(() => navigator.serviceWorker.ready);
}

test('can be installed: the browser finds nothing amiss, and every picture is as large as it says', async () => {
  // Only a context that is kept can install pages.
  const profile = mkdtempSync(join(tmpdir(), 'bamba-web-profile-'));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: chromiumPath(),
    args: [...CHROMIUM_FLAGS],
  });
  try {
    const page = context.pages()[0] ?? (await context.newPage());
    await open(page);
    const devtools = await context.newCDPSession(page);
    const { installabilityErrors } = await devtools.send('Page.getInstallabilityErrors');
    expect(installabilityErrors).toEqual([]);
    const { url, errors, data } = await devtools.send('Page.getAppManifest');
    expect(errors).toEqual([]);
    type Picture = { src: string; sizes: string; purpose?: string; form_factor?: string };
    const manifest = JSON.parse(data ?? '{}') as { icons: Picture[]; screenshots: Picture[] };
    const pictures = [...manifest.icons, ...manifest.screenshots].filter(({ sizes }) => sizes !== 'any');
    const measured = await page.evaluate(
      (urls) =>
        Promise.all(
          urls.map(async (src) => {
            const image = new Image();
            image.src = src;
            await image.decode();
            return `${image.naturalWidth}x${image.naturalHeight}`;
          }),
        ),
      pictures.map(({ src }) => new URL(src, url).href),
    );
    expect(measured).toEqual(pictures.map(({ sizes }) => sizes));
    expect(new Set(manifest.icons.map(({ purpose }) => purpose))).toEqual(new Set(['any', 'maskable']));
    expect(manifest.screenshots.map(({ form_factor }) => form_factor)).toEqual(['wide', 'narrow']);
  } finally {
    await context.close();
    rmSync(profile, { recursive: true, force: true });
  }
});

test('without a network, what answers rarely need is there on its first use', async ({ page }) => {
  await open(page, { '*': { pieces: ['```js\nlet x = 1;\n```\n\n', 'And $x^2$.'] } });
  server.online = false;
  await page.reload();
  await ask(page, 'code and a formula');
  await expect(page.locator('.word-keyword')).toHaveText('let');
  await expect(page.locator('.formula math')).toBeVisible();
});

test('without a network, the cost model opens and counts', async ({ page }) => {
  await open(page);
  server.online = false;
  await page.goto(`${server.url}plan.html?model=lexicon`);
  await expect(page.getByRole('heading', { name: 'Lexicon: 4,096 tokens' })).toBeVisible();
});

test('a newer version waits until the person takes it', async ({ page }) => {
  await open(page);
  // From here on the page is under its service worker's control.
  await page.reload();
  server.append('/sw.js', '// a later version\n');
  await page.evaluate(async () => (await navigator.serviceWorker.ready).update());
  const bar = page.getByText('A newer version of this page is ready.');
  await expect(bar).toBeVisible();
  await page.evaluate(() => Object.assign(window, { same: true }));
  await page.getByRole('button', { name: 'Later' }).click();
  await expect(bar).toBeHidden();
  expect(await page.evaluate(() => 'same' in window)).toBe(true);
  // The next visit says so again.
  await page.reload();
  await expect(bar).toBeVisible();
  await page.evaluate(() => Object.assign(window, { same: true }));
  await page.getByRole('button', { name: 'Reload' }).click();
  await page.waitForFunction(() => !('same' in window));
  await expect(chat(page).announced).toHaveText('Lexicon is ready.');
  await expect(bar).toBeHidden();
});
