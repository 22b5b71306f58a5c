import 'fake-indexeddb/auto';
import { afterAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { BambaError } from '../../errors.ts';
import { DATABASE_ERRORS, databaseFaults, type DatabaseFault } from '../../testing/faults/indexed-db.ts';
import { MapStorage } from '../../testing/browser/map-storage.ts';
import type { Turn } from '../conversation.ts';
import { ChatArchive } from './chat-archive.ts';
import type { ChatRecord } from './chat-record.ts';

const faults = databaseFaults();
/** Only a call that never ends is to meet the deadline, not one on a slow machine. */
const deadlineFor = ({ kind }: DatabaseFault): number => (kind === 'never' ? 100 : LIMIT_MS);
/** No run may take longer, whatever happens to it: several deadlines, on a slow machine. */
const LIMIT_MS = 20_000;

const FAULTS: readonly DatabaseFault[] = [
  ...DATABASE_ERRORS.map((error) => ({ kind: 'fail' as const, error })),
  { kind: 'delay', ms: 15 },
  { kind: 'never' },
];

let lists = 0;
/** Runs that met with their fault, and were sound. */
let survived = 0;

beforeEach(() => {
  vi.stubGlobal('sessionStorage', new MapStorage());
});

afterAll(() => {
  faults.clear();
  const lost = faults.injected - survived;
  expect(lost).toBe(0);
  console.log(`IndexedDB faults injected into chats: ${faults.injected}, survived: ${survived}, lost: ${lost}`);
});

const turn = (id: number, question: string, answer: string): Turn => ({ id, question, answer, status: 'done' });
const FIRST = turn(1, 'First?', 'First.');
const SECOND = turn(2, 'Second?', 'Second.');

const file: ChatRecord[] = ['one', 'two', 'three'].map((id) => ({
  id,
  title: id,
  createdAt: 1,
  updatedAt: 2,
  model: '',
  turns: [{ id: 1, question: `${id}?`, answer: `${id}.`, status: 'done' }],
}));

/** A list with one chat, of one turn, that is open. */
async function kept(deadlineMs: number): Promise<{ archive: ChatArchive; list: string; id: string }> {
  const list = `faults ${++lists}`;
  const archive = await opened(list, deadlineMs);
  archive.note([FIRST], '', false);
  await recovered(archive);
  return { archive, list, id: archive.current as string };
}

async function opened(list: string, deadlineMs: number): Promise<ChatArchive> {
  const archive = new ChatArchive({ changed: () => undefined, opened: () => undefined }, { deadlineMs, pauseMs: 1 });
  await archive.connect(list);
  return archive;
}

/** Tries until everything is read and saved, as a person would who has time. */
async function recovered(archive: ChatArchive): Promise<void> {
  do await archive.tryAgain();
  while (archive.trouble || archive.unsaved);
}

/** The chats that another visit finds: for each its title and its turns. */
async function found(list: string): Promise<Record<string, string[]>> {
  sessionStorage.removeItem(`bamba-chat:open:${list}`);
  const archive = new ChatArchive({ changed: () => undefined, opened: () => undefined });
  await archive.connect(list);
  const records = await archive.records();
  archive.disconnect();
  return Object.fromEntries(records.map(({ title, turns }) => [title, turns.map(({ answer }) => answer)]));
}

interface Scenario {
  name: string;
  act: (archive: ChatArchive, id: string) => Promise<void>;
  /** The chats that must be found, since they were acknowledged. */
  done: Record<string, string[]>;
  /** The chats that may be found, since they were not: all or nothing. */
  undone: Record<string, string[]>;
}

const BEFORE = { 'First?': ['First.'] };

const scenarios: Scenario[] = [
  {
    name: 'save',
    act: async (archive) => {
      archive.note([FIRST, SECOND], '', false);
      await archive.flush();
      if (archive.unsaved) throw archive.unsaved;
    },
    done: { 'First?': ['First.', 'Second.'] },
    undone: BEFORE,
  },
  {
    name: 'a new chat',
    act: async (archive) => {
      archive.begin();
      archive.note([SECOND], '', false);
      await archive.flush();
      if (archive.unsaved) throw archive.unsaved;
    },
    done: { ...BEFORE, 'Second?': ['Second.'] },
    undone: BEFORE,
  },
  {
    name: 'rename',
    act: (archive, id) => archive.rename(id, 'Another title'),
    done: { 'Another title': ['First.'] },
    undone: BEFORE,
  },
  {
    name: 'pin',
    act: (archive, id) => archive.pin(id, true),
    done: BEFORE,
    undone: BEFORE,
  },
  {
    name: 'import',
    act: async (archive) => void (await archive.add(file)),
    done: { ...BEFORE, one: ['one.'], two: ['two.'], three: ['three.'] },
    undone: BEFORE,
  },
  { name: 'delete', act: (archive, id) => archive.delete(id), done: {}, undone: BEFORE },
  {
    name: 'delete and undo',
    act: async (archive, id) => {
      await archive.delete(id);
      await archive.undo();
    },
    done: BEFORE,
    undone: {},
  },
  {
    name: 'read',
    act: async (archive, id) => {
      await archive.open(id);
      await archive.search('First');
      await archive.records();
      if (archive.trouble) throw archive.trouble;
    },
    done: BEFORE,
    undone: BEFORE,
  },
];

describe('every call of the database that a scenario makes, met with every fault', () => {
  it.each(scenarios)('$name', async ({ act, done, undone }) => {
    const first = await kept(LIMIT_MS);
    const calls = await faults.countCalls(() => act(first.archive, first.id));
    first.archive.disconnect();
    expect(calls).toBeGreaterThan(3);
    for (let n = 1; n <= calls; n++) {
      for (const fault of FAULTS) await meets(n, fault, { act, done, undone });
    }
  });

  async function meets(n: number, fault: DatabaseFault, { act, done, undone }: Omit<Scenario, 'name'>): Promise<void> {
    const what = `call ${n}, ${JSON.stringify(fault)}`;
    faults.clear();
    const { archive, list, id } = await kept(deadlineFor(fault));
    const before = faults.injected;
    faults.injectAt(n, fault);
    const error = await within(LIMIT_MS, what, failureOf(act(archive, id)));
    faults.clear();
    if (error !== undefined) {
      expect(error, what).toBeInstanceOf(BambaError);
      expect((error as BambaError).code, what).toMatch(/^storage_/);
    }
    const after = await found(list);
    // A call that failed may have been done all the same, where only the word of it was lost. Nothing is done by half.
    if (error === undefined) expect(after, what).toEqual(done);
    else expect([done, undone, BEFORE], what).toContainEqual(after);
    // The failed work succeeds once the database answers again.
    if (archive.unsaved) {
      await within(LIMIT_MS, what, recovered(archive));
      expect(await found(list), what).toEqual(done);
    }
    archive.disconnect();
    // On a slow machine, a deadline may come before the call that was to fail.
    survived += faults.injected - before;
  }
});

describe('opening the list', () => {
  it.each(FAULTS)('meets with $kind $error', async (fault) => {
    const { archive, list } = await kept(LIMIT_MS);
    archive.disconnect();
    const calls = await faults.countCalls(async () => (await opened(list, LIMIT_MS)).disconnect());
    for (let n = 1; n <= calls; n++) {
      const before = faults.injected;
      faults.injectAt(n, fault);
      const later = await within(LIMIT_MS, `call ${n}`, opened(list, deadlineFor(fault)));
      faults.clear();
      await within(LIMIT_MS, `call ${n}`, recovered(later));
      expect(later).toMatchObject({ available: true, trouble: undefined, chats: [{ title: 'First?' }] });
      later.disconnect();
      survived += faults.injected - before;
    }
  });
});

async function failureOf(promise: Promise<void>): Promise<unknown> {
  try {
    await promise;
    return undefined;
  } catch (error) {
    return error;
  }
}

async function within<T>(ms: number, what: string, promise: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`Still waiting: ${what}`)), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
