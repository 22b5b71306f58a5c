// Faults of the page's own files: on their way to the service worker, at the first visit and at an update, and in the cache.
// A running page goes on, and a visit with a good network has everything right again.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from '@playwright/test';
import { ALL } from '../src/testing/extent.ts';
import { FAULTS, type PageServer, servePage } from './page-server.ts';
import { scriptEngine } from './scripted-engine.ts';
import { chat, expect, test } from './ui-test.ts';

let server: PageServer;

/** The largest script of the page: what it is drawn with. */
const SCRIPT = `/${/assets\/define-[\w-]+\.js/.exec(readFileSync(join(import.meta.dirname, '../dist/index.html'), 'utf8'))?.[0]}`;

// The page's own server is one of the test's, on a port of its own.
test.use({ serviceWorkers: 'allow', baseURL: 'http://127.0.0.1:' });

test.beforeEach(async ({ page }) => {
  server = await servePage();
  await scriptEngine(page, { answers: {} });
});

test.afterEach(() => server.close());

/** Opens the page, which has to work. */
async function open(page: Page): Promise<void> {
  await page.goto(server.url);
  await expect(chat(page).announced).toHaveText('Lexicon is ready.');
}

/** Waits until the page is kept. */
async function keep(page: Page): Promise<void> {
  await page.evaluate(async () => {
    await navigator.serviceWorker.ready;
  });
}

/** Whether there is a service worker, or one on its way. */
async function isRegistered(page: Page): Promise<boolean> {
  return page.evaluate(async () => (await navigator.serviceWorker.getRegistration()) !== undefined);
}

/** Asks for a newer version, and waits until it is there or has failed. */
async function update(page: Page): Promise<string> {
  return page.evaluate(async () => {
    const registration = await navigator.serviceWorker.ready;
    await registration.update().catch(() => undefined);
    const worker = registration.installing;
    if (!worker) return registration.waiting?.state ?? 'none';
    return new Promise((resolve) => {
      worker.addEventListener('statechange', () => resolve(worker.state), { once: true });
    });
  });
}

/** Whether the page opens with its server gone. */
async function opensOffline(page: Page): Promise<void> {
  server.online = false;
  await page.goto(server.url);
  await expect(page.getByRole('textbox', { name: 'Your question' })).toBeVisible();
  server.online = true;
}

/** Gives a kept file other contents. */
async function rot(page: Page, path: string, text: string): Promise<number> {
  return page.evaluate(
    async ([wanted, contents]) => {
      let count = 0;
      for (const name of await caches.keys()) {
        const cache = await caches.open(name);
        for (const request of await cache.keys()) {
          if (new URL(request.url).pathname !== wanted) continue;
          const type = wanted.endsWith('.js') ? 'text/javascript' : 'text/html';
          await cache.put(request, new Response(contents, { headers: { 'content-type': type } }));
          count++;
        }
      }
      return count;
    },
    [path, text] as const,
  );
}

/** Where not everything is tested, faults take turns: every other one at a first visit, the others at an update. */
const atVisits = FAULTS.filter((_, index) => ALL || index % 2 === 0);
const atUpdates = FAULTS.filter((_, index) => ALL || index % 2 === 1);

for (const fault of atVisits) {
  test(`at the first visit, ${fault} for a script: nothing is kept, and the next visit keeps all`, async ({ page }) => {
    // The page itself has its script; what the service worker gets a moment later is spoilt.
    server.spoil(SCRIPT, fault, 1);
    await open(page);
    await expect.poll(() => server.requests.filter((path) => path === SCRIPT).length).toBe(2);
    // A hanging request is given up after a while; the page answers meanwhile.
    await expect.poll(() => isRegistered(page)).toBe(false);
    await expect(chat(page).input).toBeEnabled();
    server.spoil(SCRIPT, undefined);
    await open(page);
    await keep(page);
    await page.reload();
    await expect(chat(page).announced).toHaveText('Lexicon is ready.');
    await opensOffline(page);
  });
}

for (const fault of atUpdates) {
  test(`at an update, ${fault} for a script: the version that is kept goes on, the next update is whole`, async ({
    page,
  }) => {
    await open(page);
    await keep(page);
    await page.reload();
    await server.revise(SCRIPT, (text) => `${text}\nglobalThis.secondVersion = true;`);
    server.spoil(SCRIPT, fault);
    const updating = update(page);
    if (fault === 'hung') {
      // The version that is kept answers while the next one hangs, and goes on once that was given up.
      await expect.poll(() => server.requests.filter((path) => path === SCRIPT).length).toBe(3);
      await expect(chat(page).input).toBeEnabled();
    }
    expect(await updating).toBe('redundant');
    await open(page);
    await opensOffline(page);
    expect(await page.evaluate(() => 'secondVersion' in globalThis)).toBe(false);
    server.spoil(SCRIPT, undefined);
    await open(page);
    expect(await update(page)).toBe('installed');
    await page.getByRole('button', { name: 'Reload' }).click();
    await page.waitForFunction(() => 'secondVersion' in globalThis);
    await expect(chat(page).announced).toHaveText('Lexicon is ready.');
    await opensOffline(page);
  });
}

test('at an update, faults of the page itself and of the service worker’s own script change nothing', async ({
  page,
}) => {
  // A service worker's script of a wrong type is an error of the console.
  page.removeAllListeners('console');
  await open(page);
  await keep(page);
  await page.reload();
  await server.revise('/index.html', (text) => text.replace('<title>', '<title>Second '));
  for (const path of ['/index.html', '/sw.js']) {
    for (const fault of FAULTS.filter((each) => each !== 'hung')) {
      server.spoil(path, fault);
      expect(await update(page), `${fault} for ${path}`).not.toBe('installed');
      await open(page);
      await expect(page).toHaveTitle(/^Lexicon/);
    }
    server.spoil(path, undefined);
  }
  expect(await update(page)).toBe('installed');
  await page.getByRole('button', { name: 'Reload' }).click();
  await expect(page).toHaveTitle(/^Second/);
});

for (const [what, path] of [
  ['its script', SCRIPT],
  ['the page itself', '/index.html'],
] as const) {
  test(`an entry that rots in the cache is never served: ${what}`, async ({ page }) => {
    await open(page);
    await keep(page);
    await page.reload();
    await expect(chat(page).announced).toHaveText('Lexicon is ready.');
    expect(await rot(page, path, '<!doctype html><title>Log in</title>')).toBe(1);
    await open(page);
    // It is mended, not only passed by.
    await opensOffline(page);
  });
}

test('what only later is needed is mended at a visit, too', async ({ page }) => {
  await open(page);
  await keep(page);
  await page.reload();
  await expect(chat(page).announced).toHaveText('Lexicon is ready.');
  const before = await page.evaluate(async () => {
    const cache = await caches.open((await caches.keys()).find((name) => name.startsWith('bamba-web-shell')) ?? '');
    const keys = await cache.keys();
    for (const request of keys) if (/\.png/.test(request.url)) await cache.delete(request);
    return keys.length;
  });
  // Another life of the worker, as another visit has.
  await page.goto('about:blank');
  const session = await page.context().newCDPSession(page);
  await session.send('ServiceWorker.enable');
  await session.send('ServiceWorker.stopAllWorkers');
  await open(page);
  await expect
    .poll(() =>
      page.evaluate(async () => {
        const name = (await caches.keys()).find((each) => each.startsWith('bamba-web-shell')) ?? '';
        return (await (await caches.open(name)).keys()).length;
      }),
    )
    .toBe(before);
});

test('a service worker of earlier versions that keeps poison gives way, and its cache with it', async ({ page }) => {
  await open(page);
  await page.evaluate(async () => {
    const cache = await caches.open(`workbox-precache-v2-${location.origin}/`);
    await cache.put('/index.html', new Response('<title>poison</title>', { headers: { 'content-type': 'text/html' } }));
  });
  await keep(page);
  await expect.poll(() => page.evaluate(() => caches.keys())).not.toContain(`workbox-precache-v2-${server.url}`);
  await page.reload();
  await expect(chat(page).announced).toHaveText('Lexicon is ready.');
});

test('settings reset the page’s files, and keep all else; without a network nothing is removed', async ({ page }) => {
  // A server that is away is an error of the console.
  page.removeAllListeners('console');
  await open(page);
  await keep(page);
  await page.reload();
  await expect(chat(page).announced).toHaveText('Lexicon is ready.');
  await page.getByRole('button', { name: 'Use dark colours' }).click();
  await page.evaluate(async () => {
    const other = await caches.open('of another page');
    await other.put('/x', new Response('kept'));
    indexedDB.open('kept');
  });
  const kept = (): Promise<string[]> => page.evaluate(() => caches.keys());
  const { settings } = chat(page);
  await settings.click();
  const anew = page.getByRole('button', { name: 'Get the page’s files anew' });
  server.online = false;
  await anew.click();
  await expect(page.getByText('The server cannot be reached, so nothing was removed.')).toBeVisible();
  expect(await kept()).toHaveLength(2);
  server.online = true;
  server.requests.length = 0;
  await page.evaluate(() => Object.assign(window, { same: true }));
  await anew.click();
  await page.waitForFunction(() => !('same' in window));
  await expect(chat(page).announced).toHaveText('Lexicon is ready.');
  expect(server.requests).toContain(SCRIPT);
  await keep(page);
  await expect(page.getByRole('button', { name: 'Use light colours' })).toBeVisible();
  expect(await kept()).toContain('of another page');
  expect(await page.evaluate(async () => (await indexedDB.databases()).map(({ name }) => name))).toContain('kept');
});

test('where no script of the app runs, the page leads to one that gets its files anew', async ({ page }) => {
  page.removeAllListeners('console');
  await open(page);
  await keep(page);
  server.spoil(SCRIPT, 'html');
  // A cache that rotted while the server is wrong, too: the worst of both.
  await page.reload();
  await rot(page, SCRIPT, '');
  await page.goto(server.url);
  await expect(page.getByText('The chat has not appeared.')).toBeVisible({ timeout: 20_000 });
  await page.getByRole('link', { name: 'get the page’s files anew' }).click();
  await expect(page.getByRole('heading', { name: 'Get the page’s files anew' })).toBeVisible();
  server.spoil(SCRIPT, undefined);
  await page.getByRole('button', { name: 'Get the files anew' }).click();
  await expect(chat(page).announced).toHaveText('Lexicon is ready.');
  expect(new URL(page.url()).pathname).toBe('/');
});
