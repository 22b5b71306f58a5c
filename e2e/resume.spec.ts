// Downloads that are ended at any byte, in a browser: a closed tab, a lost connection, a worker that is gone, a full disk.

import { type BrowserContext, expect, type Page, test } from '@playwright/test';
import type { EngineOptions } from '../src/engine/protocol.ts';
import { times } from '../src/testing/extent.ts';
import { quickCheckpoint, quickPackage } from '../src/testing/models/quick-model.ts';
import type { Manifest } from '../src/weights/manifest.ts';
import { useHubPage } from './hub-page.ts';

/** The largest cost of an end: pieces that were not kept yet, and of a checkpoint its headers and rows not made yet. */
const PER_END = 3.5e6;
const ENDS = times(10, 4);

/** A quick model of more and wider blocks: 43 MB, three shards in f32. */
const largerCheckpoint = () => quickCheckpoint({ hidden_size: 256, intermediate_size: 1024, num_hidden_layers: 12 });

let checkpoint: Record<string, Uint8Array>;
let packed: { manifest: Manifest; files: Record<string, Uint8Array> };
const served = useHubPage(() => ({ ...checkpoint }));

test.beforeAll(async () => {
  checkpoint = largerCheckpoint();
  packed = await quickPackage('larger', checkpoint);
});

interface Way {
  options: (url: string) => Pick<EngineOptions, 'model' | 'endpoint' | 'dtype'>;
  /** Files of the hub. */
  files: () => Record<string, Uint8Array>;
}
const WAYS: Readonly<Record<string, Way>> = {
  'a checkpoint': {
    options: (url) => ({ model: 'org/name', endpoint: url, dtype: 'f32' }),
    files: () => checkpoint,
  },
  'a package': { options: (url) => ({ model: `${url}plain/` }), files: () => packed.files },
};

async function openPage(context: BrowserContext): Promise<Page> {
  const page = await context.newPage();
  await page.goto(served.url);
  return page;
}

const begin = (page: Page, way: Way) => page.evaluate((options) => window.load(options), way.options(served.url));
const outcome = (page: Page) => page.evaluate(() => window.loading);
const storedBytes = (page: Page) =>
  page.evaluate(async () => (await window.bamba.storedModels()).reduce((sum, { bytes }) => sum + bytes, 0));

/** Lets the server send so many bytes, then fall silent; waits until they are stored, but for what an end may cost. */
async function send(page: Page, way: Way, bytes: number, start = true): Promise<void> {
  const { hub } = served;
  const before = await storedBytes(page);
  // Rests of former connections take no bytes.
  if (start) served.cut();
  hub.goOn(bytes);
  if (start) await begin(page, way);
  await expect.poll(() => hub.held, { intervals: [20] }).toBe(0);
  await expect.poll(() => storedBytes(page), { intervals: [200] }).toBeGreaterThan(before + bytes - PER_END);
}

/** Hashes of the shards, of what is in the database and not of what is said of it; and how many pieces there are. */
const stored = (page: Page) =>
  page.evaluate(async () => {
    const whole = <T>(request: IDBRequest<T>) =>
      new Promise<T>((resolve, reject) => {
        request.addEventListener('success', () => resolve(request.result));
        request.addEventListener('error', () => reject(new Error(request.error?.message)));
      });
    const database = await whole(indexedDB.open('bamba-web'));
    const transaction = database.transaction(['packages', 'blobs', 'pieces']);
    const pieces = transaction.objectStore('pieces');
    const blobs = transaction.objectStore('blobs');
    const [[record], count] = await Promise.all([
      whole<{ url: string; manifest: { shards: { sha256: string }[] } }[]>(
        transaction.objectStore('packages').getAll(),
      ),
      whole(pieces.count()),
    ]);
    const hashes: string[] = [];
    for (const { sha256 } of record!.manifest.shards) {
      const bytes = await whole<ArrayBuffer>(blobs.get([record!.url, sha256]));
      const digest = crypto.subtle.digest('SHA-256', bytes);
      hashes.push(Array.from(new Uint8Array(await digest), (byte) => byte.toString(16).padStart(2, '0')).join(''));
    }
    database.close();
    return { hashes, pieces: count };
  });

/** Stores so many MB beside the model. */
const fill = async (megabytes: number) => {
  const done = (request: IDBRequest) =>
    new Promise<void>((resolve, reject) => {
      request.addEventListener('success', () => resolve());
      request.addEventListener('error', () => reject(new Error(request.error?.message)));
    });
  const opening = indexedDB.open('filler');
  opening.addEventListener('upgradeneeded', () => opening.result.createObjectStore('bytes'));
  await done(opening);
  for (let i = 0; i < megabytes; i++) {
    // Of noise, as databases compress.
    const bytes = new Uint8Array(1e6);
    for (let at = 0; at < bytes.length; at += 65_536) crypto.getRandomValues(bytes.subarray(at, at + 65_536));
    await done(opening.result.transaction('bytes', 'readwrite').objectStore('bytes').put(bytes, i));
  }
  opening.result.close();
};

/** Drops it. */
const empty = () =>
  new Promise<void>((resolve, reject) => {
    const request = indexedDB.deleteDatabase('filler');
    request.addEventListener('success', () => resolve());
    request.addEventListener('error', () => reject(new Error(request.error?.message)));
  });

async function expectWhole(page: Page): Promise<void> {
  expect(await outcome(page)).toBe('ready');
  expect(await stored(page)).toEqual({ hashes: packed.manifest.shards.map(({ sha256 }) => sha256), pieces: 0 });
}

for (const [name, way] of Object.entries(WAYS)) {
  test.describe(name, () => {
    let size: number;
    test.beforeEach(() => {
      served.hub.files = new Map(Object.entries(way.files()));
      // And what small reads of a checkpoint bring along.
      size = [...served.hub.files.values()].reduce((sum, { length }) => sum + length, 1e6);
    });

    test(`goes on after ${ENDS} ends: tabs closed, connections cut, pages loaded anew`, async ({ context }) => {
      const { hub } = served;
      const part = Math.floor(size / (ENDS + 1));
      let page = await openPage(context);
      await send(page, way, part);
      for (let end = 1; end <= ENDS; end++) {
        const cut = end % 3 === 0;
        if (cut) {
          // The page itself goes on.
          hub.allowance = 0;
          served.cut();
          await expect.poll(() => page.evaluate(() => window.reports.at(-1))).toMatch(/Trying again/);
          hub.allowance = Infinity;
        } else if (end % 3 === 1) {
          await page.close();
          page = await openPage(context);
        } else await page.reload();
        if (end < ENDS) await send(page, way, part, !cut);
        else {
          served.cut();
          await begin(page, way);
        }
      }
      hub.goOn();
      await expectWhole(page);
      expect(hub.sent).toBeLessThan(size + ENDS * PER_END);
    });

    test('goes on after its worker is gone', async ({ context }) => {
      const { hub } = served;
      const page = await openPage(context);
      await send(page, way, 22e6);
      await page.evaluate(() => window.workers.at(-1)?.terminate());
      served.cut();
      hub.goOn();
      await begin(page, way);
      await expectWhole(page);
      // Bytes of a checkpoint that the worker had hashed and not yet noted are read again, to be compared.
      expect(hub.sent).toBeLessThan(size + 3 * PER_END);
    });

    test('says how much a full disk lacks, and goes on when there is room', async ({ context }) => {
      const { hub } = served;
      const page = await openPage(context);
      const devtools = await context.newCDPSession(page);
      const origin = new URL(served.url).origin;
      await devtools.send('Storage.overrideQuotaForOrigin', { origin, quotaSize: size + 10e6 });
      await send(page, way, 28e6);
      // Something else of the site takes the room that was there when loading began.
      await page.evaluate(fill, 24);
      hub.goOn();
      expect(await outcome(page)).toMatch(
        /^storage_full: The browser's storage for this site lacks \d+\.\d MB\. Delete another model or free space on the disk, then load again: what is here already is kept\.$/,
      );
      const before = await storedBytes(page);
      expect(before).toBeGreaterThan(28e6 - 1e6 - PER_END);
      await page.evaluate(empty);
      hub.sent = 0;
      await begin(page, way);
      await expectWhole(page);
      expect(hub.sent).toBeLessThan(size - before + PER_END);
    });
  });
}
