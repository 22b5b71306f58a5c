import 'fake-indexeddb/auto';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { databaseFaults, type DatabaseFault, DATABASE_ERRORS } from '../../testing/faults/indexed-db.ts';
import { nameWrite, type StateRecord, StateStore } from './state-store.ts';

// States in IndexedDB: whole or not at all, the oldest first to go, and none that was deleted while it was written.

const faults = databaseFaults();

afterEach(async () => {
  faults.clear();
  vi.useRealTimers();
  const store = await StateStore.open();
  await store.deleteAll();
  store.close();
  // A state that is written in the millisecond of its deletion counts as deleted.
  await new Promise((resolve) => {
    setTimeout(resolve, 2);
  });
});

const piece = (value: number, length = 8) => new Uint8Array(length).fill(value);

/** Writes a state of two pieces, both of `value`. */
async function put(store: StateStore, id: string, value: number, savedAt = Date.now()): Promise<boolean> {
  const name = nameWrite();
  for (const index of [0, 1]) await store.putPiece(id, name, index, piece(value));
  return store.commit(recordOf(id, name, value, savedAt));
}

const recordOf = (id: string, write: string, value: number, savedAt: number): StateRecord => ({
  id,
  write,
  prelude: piece(value, 4).buffer,
  pieces: 2,
  bytes: 20,
  tokens: value,
  model: 'tiny',
  savedAt,
});

/** The state under `id`: its value, where all of it is there and of one write. */
async function valueOf(store: StateStore, id: string): Promise<number | null | 'torn'> {
  const record = await store.record(id);
  if (!record) return null;
  const pieces = await Promise.all([0, 1].map((index) => store.piece(record, index)));
  return pieces.every((bytes) => bytes?.every((value) => value === record.tokens)) ? record.tokens : 'torn';
}

/** Keys of all pieces, whatever they belong to. */
async function pieceCount(): Promise<number> {
  const database = await new Promise<IDBDatabase>((resolve) => {
    const request = indexedDB.open('bamba-web-states');
    request.addEventListener('success', () => resolve(request.result));
  });
  const count = await new Promise<number>((resolve) => {
    const request = database.transaction('pieces').objectStore('pieces').count();
    request.addEventListener('success', () => resolve(request.result));
  });
  database.close();
  return count;
}

describe('states of conversations', () => {
  it('are kept, replaced, listed and deleted', async () => {
    const store = await StateStore.open();
    expect(await put(store, 'a', 1, 10)).toBe(true);
    await put(store, 'b', 2, 20);
    await put(store, 'a', 3, 30);
    expect(await valueOf(store, 'a')).toBe(3);
    expect(await store.list()).toEqual([
      { id: 'a', bytes: 20, tokens: 3, model: 'tiny', savedAt: 30 },
      { id: 'b', bytes: 20, tokens: 2, model: 'tiny', savedAt: 20 },
    ]);
    expect(await pieceCount()).toBe(4);
    await store.delete('a');
    expect(await valueOf(store, 'a')).toBe(null);
    await store.deleteAll();
    expect(await store.list()).toEqual([]);
    expect(await pieceCount()).toBe(0);
    store.close();
  });

  it('count only once their record is there, and a broken write goes with the next', async () => {
    const store = await StateStore.open();
    await put(store, 'a', 1);
    await store.putPiece('a', nameWrite(), 0, piece(9));
    expect(await valueOf(store, 'a')).toBe(1);
    await put(store, 'a', 2);
    expect(await valueOf(store, 'a')).toBe(2);
    expect(await pieceCount()).toBe(2);
    store.close();
  });

  it('are not kept where they were deleted while they were written, and are when they are written anew', async () => {
    const store = await StateStore.open();
    const name = nameWrite();
    await store.putPiece('a', name, 0, piece(1));
    await store.delete('a');
    await store.putPiece('a', name, 1, piece(1));
    expect(await store.commit(recordOf('a', name, 1, 1))).toBe(false);
    expect(await valueOf(store, 'a')).toBe(null);
    expect(await pieceCount()).toBe(0);
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 1 });
    expect(await put(store, 'a', 2)).toBe(true);
    expect(await valueOf(store, 'a')).toBe(2);
    store.close();
  });

  it('make room for the next, the oldest first; one that is too large changes nothing', async () => {
    const store = await StateStore.open();
    for (const [index, id] of ['a', 'b', 'c'].entries()) await put(store, id, index, index);
    expect(await store.makeRoom('d', 101, 100)).toBe(false);
    expect(await store.list()).toHaveLength(3);
    // A replaced state takes no room besides.
    expect(await store.makeRoom('b', 20, 60)).toBe(true);
    expect(await store.list()).toHaveLength(3);
    expect(await store.makeRoom('d', 20, 60)).toBe(true);
    expect((await store.list()).map(({ id }) => id)).toEqual(['c', 'b']);
    store.close();
  });

  it('make room by the others first where some are dear, and not at all where those have to stay', async () => {
    const store = await StateStore.open();
    for (const [index, id] of ['a', 'b', 'c'].entries()) await put(store, id, index, index);
    const dear = new Set(['a', 'b']);
    expect(await store.makeRoom('d', 21, 60, { dear, spare: true })).toBe(false);
    expect(await store.list()).toHaveLength(3);
    expect(await store.makeRoom('d', 20, 60, { dear, spare: true })).toBe(true);
    expect((await store.list()).map(({ id }) => id)).toEqual(['b', 'a']);
    expect(await store.makeRoom('d', 21, 60, { dear })).toBe(true);
    expect((await store.list()).map(({ id }) => id)).toEqual(['b']);
    store.close();
  });

  it('leave nothing behind of a write that nobody can be at any more', async () => {
    const store = await StateStore.open();
    await put(store, 'a', 1);
    await store.putPiece('lost', nameWrite(), 0, piece(1));
    await store.makeRoom('b', 20, 100);
    expect(await pieceCount()).toBe(3);
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 2 * 3_600_000 });
    await store.makeRoom('b', 20, 100);
    expect(await pieceCount()).toBe(2);
    expect(await valueOf(store, 'a')).toBe(1);
    store.close();
  });

  it.each([
    ['no record', 7],
    ['a record without a prelude', { ...recordOf('bad', 'x', 1, 1), prelude: 'text' }],
    ['a record of a size that is none', { ...recordOf('bad', 'x', 1, 1), bytes: Number.NaN }],
  ])('are none where another hand has written %s', async (_, value) => {
    const store = await StateStore.open();
    const database = await new Promise<IDBDatabase>((resolve) => {
      const request = indexedDB.open('bamba-web-states');
      request.addEventListener('success', () => resolve(request.result));
    });
    const record = typeof value === 'object' ? value : { id: 'bad' };
    await new Promise((resolve) => {
      database
        .transaction('states', 'readwrite')
        .objectStore('states')
        .put(record)
        .addEventListener('success', resolve);
    });
    database.close();
    expect(await store.record('bad')).toBe(null);
    expect(await store.list()).toEqual([]);
    await store.makeRoom('a', 1, 100);
    expect(await store.record('bad')).toBe(null);
    store.close();
  });

  const FAULTS: readonly DatabaseFault[] = [
    ...DATABASE_ERRORS.map((error) => ({ kind: 'fail' as const, error })),
    { kind: 'delay', ms: 5 },
    { kind: 'never' },
  ];

  it.each(FAULTS)('are the old or the new one, never torn, whichever call meets with $kind $error', async (fault) => {
    // Only a call that never ends is to meet the deadline, not one on a slow machine.
    const deadline = fault.kind === 'never' ? 150 : 20_000;
    const scenario = async (): Promise<void> => {
      const store = await StateStore.open({ within: deadline, answersWithin: deadline });
      try {
        await store.makeRoom('a', 20, 1000);
        await put(store, 'a', 2);
      } finally {
        store.close();
      }
    };
    const calls = await faults.countCalls(scenario);
    expect(calls).toBeGreaterThan(8);
    let failed = 0;
    for (let call = 1; call <= calls; call++) {
      faults.clear();
      const before = await StateStore.open();
      await before.drop('a');
      await put(before, 'a', 1);
      before.close();
      faults.injectAt(call, fault);
      const outcome = await scenario().then(
        () => 'done',
        (error: unknown) => error as Error,
      );
      faults.clear();
      if (outcome !== 'done') {
        failed++;
        const code = expect.stringMatching(/^storage_(full|unavailable)$/) as string;
        expect(outcome).toMatchObject({ name: 'BambaError', code });
      }
      const after = await StateStore.open();
      expect([1, 2]).toContain(await valueOf(after, 'a'));
      after.close();
    }
    expect(failed > 0).toBe(fault.kind !== 'delay');
  });
});
