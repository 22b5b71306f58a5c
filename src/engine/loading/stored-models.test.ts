import 'fake-indexeddb/auto';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { openDatabase } from '../../storage/store/database.ts';
import { deletePackage } from '../../storage/packages/package-list.ts';
import { storedModels } from './stored-models.ts';

const GOOD = {
  url: 'https://example.org/good/',
  savedAt: 1,
  manifest: {
    name: 'Good',
    scheme: 'int8',
    source: {},
    files: { config: { file: 'config.json', bytes: 3, sha256: 'c' } },
    shards: [{ file: 's', bytes: 7, sha256: 's' }],
  },
};

/** Writes records as they are, whatever the types say. */
async function put(store: 'packages' | 'conversions', ...records: unknown[]): Promise<void> {
  const database = await openDatabase();
  for (const record of records) await database.put(store, record as never);
  database.close();
}

afterEach(async () => {
  const database = await openDatabase();
  for (const store of ['packages', 'conversions', 'blobSizes', 'pieces'] as const) await database.clear(store);
  database.close();
});

describe('storedModels', () => {
  it('lists what is sound beside what is damaged, and lets the damaged be deleted', async () => {
    const bad = 'https://example.org/bad/';
    await put('packages', GOOD, { url: bad, manifest: null, savedAt: 'yesterday' });
    await put('conversions', { id: 'org/name int8', origin: 7 });
    expect(await storedModels()).toMatchObject([
      { id: bad, name: bad, damaged: true, complete: false, bytes: 0 },
      { id: GOOD.url, name: 'Good', dtype: 'int8', totalBytes: 10, complete: false },
      { id: 'org/name int8', damaged: true },
    ]);
    const database = await openDatabase();
    await deletePackage(database, bad);
    await deletePackage(database, 'org/name int8');
    database.close();
    const left = await storedModels();
    expect(left).toMatchObject([{ name: 'Good' }]);
    expect(left[0]).not.toHaveProperty('damaged');
  });

  it('says sizes that are numbers, also where those that are stored are none', async () => {
    await put('packages', GOOD);
    const database = await openDatabase();
    await database.put('blobSizes', 'many' as never, [GOOD.url, 's']);
    await database.put('pieces', {} as never, [GOOD.url, 'x'] as never);
    database.close();
    expect(await storedModels()).toMatchObject([{ name: 'Good', bytes: 0 }]);
  });

  it('lists whatever records there are: every one is described, or called damaged', async () => {
    const anything = fc.object({ values: [fc.string(), fc.double(), fc.constant(null), fc.boolean()], maxDepth: 2 });
    // One field of a sound record at a time is something else.
    const field = fc.constantFrom('name', 'scheme', 'source', 'files', 'shards');
    const record = fc.oneof(
      anything,
      fc.tuple(field, fc.anything()).map(([key, value]) => ({ ...GOOD, manifest: { ...GOOD.manifest, [key]: value } })),
    );
    await fc.assert(
      fc.asyncProperty(record, async (value) => {
        const written = await put('packages', { ...value, url: GOOD.url }).then(
          () => true,
          () => false, // what IndexedDB cannot store
        );
        fc.pre(written);
        const [model, ...others] = await storedModels();
        expect(others).toEqual([]);
        expect(model?.id).toBe(GOOD.url);
        expect(typeof model?.name).toBe('string');
        expect(Number.isFinite(model?.bytes) && Number.isFinite(model?.totalBytes)).toBe(true);
      }),
      { numRuns: 200 },
    );
  });
});
