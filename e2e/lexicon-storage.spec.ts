// What stays of Lexicon in the browser: later visits take it from IndexedDB and the page from its service worker, and find
// out when the model was damaged there.

import { expect, type Page, test } from '@playwright/test';
import { goldenTurn } from '../src/testing/golden-chats.ts';
import { answer, openLexicon } from './lexicon-page.ts';
import { type PageServer, servePage } from './page-server.ts';
import { ask } from './ui-test.ts';

const SUM = goldenTurn('What is 27 + 46?');

let server: PageServer;

test.beforeEach(async () => {
  test.setTimeout(600_000);
  server = await servePage();
});

test.afterEach(() => server.close());

const shards = (): string[] => server.requests.filter((path) => path.endsWith('.bin'));

async function answersRight(page: Page): Promise<void> {
  await ask(page, SUM.question);
  expect(await answer(page, 0)).toBe(SUM.answer);
}

test.describe('with a service worker', () => {
  test.use({ serviceWorkers: 'allow' });

  test('a second visit needs no server, neither for the page nor for the model', async ({ context, page }) => {
    await openLexicon(page, server.url);
    expect(new Set(shards()).size).toBe(3);
    await page.evaluate(() => navigator.serviceWorker.ready);
    // The shell is kept by the service worker, the weights are not: those are in IndexedDB.
    const kept = await page.evaluate(async () => {
      const caches = await Promise.all((await self.caches.keys()).map((name) => self.caches.open(name)));
      const requests = (await Promise.all(caches.map((cache) => cache.keys()))).flat();
      return requests.map(({ url }) => new URL(url).pathname);
    });
    expect(kept).toContain('/index.html');
    expect(kept.filter((path) => path.startsWith('/models/'))).toEqual([]);
    await server.close();
    await context.setOffline(true);
    const response = await page.reload();
    expect(response?.status()).toBe(200);
    expect(response?.fromServiceWorker()).toBe(true);
    // Also in another tab, from its address alone.
    const other = await context.newPage();
    await page.close();
    await openLexicon(other, server.url);
    await answersRight(other);
  });
});

test('a shard that was damaged in IndexedDB is fetched again, and no other', async ({ page }) => {
  await openLexicon(page, server.url);
  const damaged = await page.evaluate(damageLargestBlob);
  server.requests.length = 0;
  await openLexicon(page, server.url);
  expect(shards()).toHaveLength(1);
  const healed = server.requests.find((path) => path.endsWith('.bin'));
  await answersRight(page);
  server.requests.length = 0;
  await openLexicon(page, server.url);
  expect(shards()).toEqual([]);
  expect(damaged.bytes).toBe(16 * 2 ** 20);
  expect(healed).toMatch(/shard-000[01]\.bin$/);
});

/** Flips one bit in the middle of the first full shard that the page has stored. Runs in the page. */
async function damageLargestBlob(): Promise<{ bytes: number }> {
  const settled = <Value>(request: IDBRequest<Value>): Promise<Value> =>
    new Promise((resolve, reject) => {
      request.addEventListener('success', () => resolve(request.result));
      request.addEventListener('error', () => reject(request.error ?? new Error('no reason given')));
    });
  const database = await settled(indexedDB.open('bamba-web'));
  try {
    const sizes = database.transaction('blobSizes').objectStore('blobSizes');
    const keys = await settled(sizes.getAllKeys());
    const bytes = (await settled(sizes.getAll())) as number[];
    const key = keys[bytes.indexOf(Math.max(...bytes))]!;
    const blobs = database.transaction('blobs', 'readwrite').objectStore('blobs');
    const blob = (await settled(blobs.get(key))) as ArrayBuffer;
    const view = new Uint8Array(blob);
    const middle = view.length >> 1;
    view[middle] = view[middle]! ^ 1;
    await settled(blobs.put(blob, key));
    return { bytes: view.length };
  } finally {
    database.close();
  }
}
