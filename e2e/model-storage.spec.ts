// The page's model in the browser. Later visits take it from IndexedDB, and the page from its service worker. They find out
// when the stored model was damaged. The model is a quick one in the place of Lexicon.

import { expect, type Page, test } from '@playwright/test';
import { quickCheckpoint, quickPackage } from '../src/testing/models/quick-model.ts';
import { answer } from './lexicon-page.ts';
import { type PageServer, servePage } from './page-server.ts';
import { servePackage } from './quick-page.ts';
import { ask, chat } from './ui-test.ts';

/** 25 MB: a full shard, and another. */
const LARGER = { hidden_size: 256, intermediate_size: 1024, num_hidden_layers: 7 };

let server: PageServer;
let files: Record<string, Uint8Array>;

test.beforeAll(async () => {
  ({ files } = await quickPackage('quick', quickCheckpoint(LARGER)));
});

test.beforeEach(async () => {
  test.setTimeout(300_000);
  server = await servePage();
  await servePackage(server, files);
});

test.afterEach(() => server.close());

const shards = (): string[] => server.requests.filter((path) => path.endsWith('.bin'));

/** Opens the page, or loads it again, and waits until the model can answer. */
async function open(page: Page): Promise<void> {
  await page.goto(server.url);
  await expect(chat(page).announced).toHaveText('quick is ready.', { timeout: 120_000 });
}

/** The model's answer in a new chat. */
async function said(page: Page): Promise<string> {
  // The chat of the visit before is there again.
  if (await chat(page).newChat.isEnabled()) await chat(page).newChat.click();
  await ask(page, 'What is it?');
  const text = await answer(page, 0);
  expect(text).not.toBe('');
  return text;
}

test.describe('with a service worker', () => {
  test.use({ serviceWorkers: 'allow' });

  test('a second visit needs no server, neither for the page nor for the model', async ({ context, page }) => {
    await open(page);
    expect(new Set(shards()).size).toBe(2);
    const first = await said(page);
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
    await open(other);
    expect(await said(other)).toBe(first);
  });
});

test('a shard that was damaged in IndexedDB is fetched again, and no other', async ({ page }) => {
  await open(page);
  const first = await said(page);
  const damaged = await page.evaluate(damageLargestBlob);
  server.requests.length = 0;
  await open(page);
  expect(shards()).toHaveLength(1);
  const healed = server.requests.find((path) => path.endsWith('.bin'));
  expect(await said(page)).toBe(first);
  server.requests.length = 0;
  await open(page);
  expect(shards()).toEqual([]);
  expect(damaged.bytes).toBe(16 * 2 ** 20);
  expect(healed).toMatch(/shard-0000\.bin$/);
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
