import 'fake-indexeddb/auto';
import fc from 'fast-check';
import { openDB, type IDBPDatabase } from 'idb';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { MapStorage } from '../../testing/browser/map-storage.ts';
import type { Turn } from '../conversation.ts';
import { ChatArchive } from './chat-archive.ts';
import { readChat, readTurn, type StoredTurn } from './chat-record.ts';

let list = 0;

beforeEach(() => {
  list++;
  vi.stubGlobal('localStorage', new MapStorage());
  vi.stubGlobal('sessionStorage', new MapStorage());
});

/** The database as version 1 of the page made it. */
async function versionOne(): Promise<IDBPDatabase> {
  return openDB(`bamba-chat records ${list}`, 1, {
    upgrade(database) {
      database.createObjectStore('chats', { keyPath: 'id' });
      database.createObjectStore('turns');
    },
  });
}

interface Opened {
  archive: ChatArchive;
  shown: () => readonly Turn[];
  drafts: (string | undefined)[];
}

async function open(deadlineMs = 2000): Promise<Opened> {
  let turns: readonly Turn[] = [];
  const drafts: (string | undefined)[] = [];
  const archive = new ChatArchive(
    {
      changed: () => undefined,
      opened: (shown, draft) => {
        turns = shown;
        drafts.push(draft);
      },
    },
    { deadlineMs, pauseMs: 1 },
  );
  await archive.connect(`records ${list}`);
  return { archive, shown: () => turns, drafts };
}

const turn = (id: number, question: string, answer: string): StoredTurn => ({ id, question, answer, status: 'done' });

const USAGE = {
  promptTokens: 3,
  cachedTokens: 0,
  completionTokens: 2,
  timeToFirstTokenS: 0.1,
  prefillTokensPerS: 30,
  decodeTokensPerS: 20,
};

describe('chats of version 1', () => {
  it('are all kept, in their order, and go on', async () => {
    const before = await versionOne();
    for (let chat = 0; chat < 3; chat++) {
      const id = `chat${chat}`;
      await before.put('chats', { id, title: `Title ${chat}`, createdAt: 10 + chat, updatedAt: 20 + chat, model: 'L' });
      for (const number of [1, 2, 10]) {
        const value = { id: number, question: `Q${number}`, answer: `A${number}`, status: 'done', usage: USAGE };
        await before.put('turns', { ...value, finishReason: 'stop' }, [id, number]);
      }
    }
    before.close();
    const { archive, shown } = await open();
    expect(archive.chats.map(({ title }) => title)).toEqual(['Title 2', 'Title 1', 'Title 0']);
    expect(archive.unreadable).toBe(0);
    await archive.open('chat1');
    expect(shown()).toMatchObject([
      { id: 1, usage: USAGE, finishReason: 'stop' },
      { id: 2, answer: 'A2' },
      { id: 10, answer: 'A10' },
    ]);
    archive.note([...shown(), { id: '0f-x', question: 'New?', answer: 'New.', status: 'done' }], '', false);
    await archive.flush();
    expect(await archive.records('chat1')).toMatchObject([
      { title: 'Title 1', createdAt: 11, model: 'L', turns: [{ id: 1 }, { id: 2 }, { id: 10 }, { answer: 'New.' }] },
    ]);
  });

  it('and of version 2 say after the change which turn follows which, and all else stays as it was', async () => {
    const before = await openDB(`bamba-chat records ${list}`, 2, {
      upgrade(database) {
        database.createObjectStore('chats', { keyPath: 'id' });
        database.createObjectStore('turns');
        database.createObjectStore('deleted');
      },
    });
    for (const id of ['a', 'b']) {
      await before.put('chats', { id, title: id, createdAt: 1, updatedAt: 2, model: 'L', revision: 4 });
      for (const name of [1, 2, '0f-x']) {
        await before.put('turns', { question: `${id}${name}`, answer: 'A', status: 'done', more: name }, [id, name]);
      }
    }
    await before.put('turns', 'no turn', ['a', 3]);
    await before.put('deleted', 5, 'gone');
    before.close();
    const { archive, shown } = await open();
    await archive.open('b');
    expect(shown().map(({ id, after, question }) => [id, after, question])).toEqual([
      [1, undefined, 'b1'],
      [2, 1, 'b2'],
      ['0f-x', 2, 'b0f-x'],
    ]);
    archive.disconnect();
    const after = await openDB(`bamba-chat records ${list}`);
    expect(after.version).toBe(3);
    expect(await after.get('turns', ['a', 3])).toBe('no turn');
    expect(await after.get('turns', ['a', '0f-x'])).toMatchObject({ after: 2, more: '0f-x' });
    expect(await after.get('deleted', 'gone')).toBe(5);
    after.close();
  });

  it('wait for a tab that holds them, with a deadline and a sentence', async () => {
    const holder = await versionOne();
    await holder.put('chats', { id: 'a', title: 'Held', createdAt: 1, updatedAt: 1, model: '' });
    const { archive } = await open(50);
    expect(archive).toMatchObject({ available: true, chats: [] });
    expect(archive.trouble?.message).toContain('Another tab of this site holds the chats');
    holder.close();
    await vi.waitFor(async () => {
      await archive.tryAgain();
      expect(archive).toMatchObject({ trouble: undefined, chats: [{ title: 'Held' }] });
    });
    archive.disconnect();
  });
});

describe('records that are not what they should be', () => {
  it('are mended or passed over, counted, and kept as they are', async () => {
    const before = await versionOne();
    const good = { title: 'Good', createdAt: 1, updatedAt: 9, model: '' };
    await before.put('chats', { id: 'good', ...good });
    await before.put('chats', { id: 7, ...good });
    await before.put('chats', { id: ['x'], ...good });
    await before.put('chats', { id: 'bare' });
    await before.put('chats', { id: 'wrong', title: 5, createdAt: 'x', updatedAt: Number.NaN, model: null });
    await before.put('chats', { id: 'huge', ...good, updatedAt: 2, title: 'long '.repeat(1e6) });
    const turns: [unknown, unknown][] = [
      [1, { id: 1, question: 'Q1', answer: 'A1', status: 'done' }],
      [2, null],
      [3, 'text'],
      [4, { id: 4, question: 5, answer: { a: 1 } }],
      [5, { id: 'five', question: 'Q5', status: 'reading', usage: { promptTokens: 'many' }, finishReason: 3 }],
      ['six', { id: null, question: 'Q6', answer: 'A6', status: 'done' }],
      [new Date(7), { id: 7, question: 'Q7', answer: 'A7', status: 'done' }],
    ];
    for (const [id, value] of turns) await before.put('turns', value, ['good', id as number]);
    await before.put('turns', { question: 'nobody’s' }, 8);
    before.close();
    const { archive, shown } = await open();
    expect(archive.chats.map(({ id, title }) => [id, title.slice(0, 10)])).toEqual([
      ['good', 'Good'],
      ['huge', 'long long '],
      ['bare', 'Chat'],
      ['wrong', 'Chat'],
    ]);
    expect(archive.chats[1]?.title.length).toBeLessThanOrEqual(200);
    expect(archive.unreadable).toBe(2);
    await archive.open('good');
    expect(shown().map(({ id, question, answer, status }) => [id, question, answer, status])).toEqual([
      [1, 'Q1', 'A1', 'done'],
      [5, 'Q5', '', 'stopped'],
      ['six', 'Q6', 'A6', 'done'],
    ]);
    expect(archive.unreadable).toBe(2 + 4);
    expect(await archive.search('q6')).toEqual(new Set(['good']));
    expect(await archive.records()).toHaveLength(4);
    // Of all tables, and also what belongs to no chat.
    expect(await archive.unreadableRecords()).toHaveLength(2 + 4 + 1);
    // The chat goes on, and what could not be read stays; it goes only when the chat is deleted.
    archive.note([...shown(), { id: 'seven', question: 'Q7', answer: 'A7', status: 'done' }], '', false);
    await archive.flush();
    expect(await archive.unreadableRecords()).toHaveLength(7);
    await archive.delete('good');
    await archive.undo();
    expect(await archive.unreadableRecords()).toHaveLength(7);
    archive.disconnect();
  });

  it('never make reading throw, whatever they are', () => {
    fc.assert(
      fc.property(fc.anything(), fc.anything(), (id, value) => {
        const read = readTurn(id, value);
        if (read) expect([typeof read.question, typeof read.answer]).toEqual(['string', 'string']);
        const chat = readChat(value);
        if (chat) expect([typeof chat.summary.id, typeof chat.summary.title]).toEqual(['string', 'string']);
      }),
      { numRuns: 1000 },
    );
    expect(readTurn(1, JSON.parse('{"__proto__": null, "question": "Q", "answer": "A"}'))).toMatchObject({
      answer: 'A',
    });
  });

  it('of settings of a chat lose what is not valid, and nothing else', () => {
    const read = (own: unknown): unknown => readChat({ id: 'a', title: 'T', own })?.details.own;
    expect(read({ system: 'S', sampling: { temperature: 0.5, topP: 7, other: 1 } })).toEqual({
      system: 'S',
      sampling: { temperature: 0.5 },
    });
    expect(read({ system: 5, sampling: 'x' })).toEqual({ system: '', sampling: {} });
    for (const none of [null, 5, 'text']) expect(read(none)).toBeUndefined();
    expect(readChat({ id: 'a', pinned: 'yes', tip: {} })).toMatchObject({ details: {}, summary: { id: 'a' } });
    expect(readChat({ id: 'a', pinned: 'yes' })?.summary).not.toHaveProperty('pinned');
  });

  it('of drafts count as none', async () => {
    for (const kept of ['null', '5', '"text"', '[1]', '{"": 5}', '{"": null}', 'no JSON']) {
      localStorage.setItem(`bamba-chat:drafts:records ${list}`, kept);
      sessionStorage.setItem(`bamba-chat:drafts:records ${list}`, kept);
      const { archive } = await open();
      expect(archive.draft).toBe('');
      archive.draft = 'typed';
      expect(archive.draft).toBe('typed');
      archive.draft = '';
      archive.disconnect();
    }
  });
});

describe('two tabs', () => {
  /** Another tab: what it keeps for itself is its own. */
  async function otherTab(): Promise<Opened> {
    vi.stubGlobal('sessionStorage', new MapStorage());
    const other = await open();
    const [first] = other.archive.chats;
    if (first) await other.archive.open(first.id);
    return other;
  }

  it('keep both of two answers to one chat, and show them in the same order', async () => {
    const here = await open();
    here.archive.note([turn(1, 'One?', 'One.')], '', false);
    await here.archive.flush();
    const there = await otherTab();
    // Neither has heard of the other's question when it is asked.
    here.archive.note([turn(1, 'One?', 'One.'), asked('0a', 'Here?')], '', false);
    there.archive.note([...there.shown(), asked('0b', 'There?')], '', false);
    await Promise.all([here.archive.flush(), there.archive.flush()]);
    const both = ['One?', 'Here?', 'There?'];
    await vi.waitFor(() => {
      expect(here.shown().map(({ question }) => question)).toEqual(both);
      expect(there.shown().map(({ question }) => question)).toEqual(both);
    });
    here.archive.disconnect();
    there.archive.disconnect();
  });

  it('leave each other’s drafts alone', async () => {
    const here = await open();
    here.archive.note([turn(1, 'One?', 'One.')], '', false);
    await here.archive.flush();
    const sessionHere = sessionStorage;
    here.archive.draft = 'typed here';
    const there = await otherTab();
    // A new tab goes on with what was typed last.
    expect(there.archive.draft).toBe('typed here');
    there.archive.draft = 'typed there';
    there.archive.note([...there.shown(), asked('0c', 'Two?')], '', false);
    there.archive.draft = '';
    await there.archive.flush();
    vi.stubGlobal('sessionStorage', sessionHere);
    await vi.waitFor(() => expect(here.shown()).toHaveLength(2));
    // The view was told to leave the input as it is, and a reload finds it.
    expect(here.drafts.at(-1)).toBeUndefined();
    expect(here.archive.draft).toBe('typed here');
    here.archive.disconnect();
    there.archive.disconnect();
  });

  it('do not bring back what one has deleted: the other hears of it, and may keep its text', async () => {
    const here = await open();
    here.archive.note([turn(1, 'One?', 'One.')], '', false);
    await here.archive.flush();
    const id = here.archive.current as string;
    const there = await otherTab();
    const writing = [turn(1, 'One?', 'One.'), { ...asked('0d', 'Two?'), status: 'writing' as const }];
    here.archive.note(writing, '', false);
    await here.archive.flush();
    await there.archive.delete(id);
    // The answer goes on.
    const done = [writing[0]!, asked('0d', 'Two?')];
    here.archive.note(done, '', false);
    await here.archive.flush();
    await vi.waitFor(() => expect(here.archive.gone).toMatchObject({ title: 'One?', turns: done }));
    expect((await there.archive.records()).map((chat) => chat.id)).toEqual([]);
    here.archive.keepGone();
    await here.archive.flush();
    expect(here.archive).toMatchObject({ gone: undefined, unsaved: undefined });
    expect(here.archive.current).not.toBe(id);
    expect(await here.archive.records()).toMatchObject([{ title: 'One?', turns: [{ answer: 'One.' }, { id: '0d' }] }]);
    here.archive.disconnect();
    there.archive.disconnect();
  });

  const asked = (id: string, question: string): Turn => ({ id, question, answer: `${question}.`, status: 'done' });
});

describe('files', () => {
  it('that are read in twice add nothing the second time, and nothing of another chat is replaced', async () => {
    const { archive } = await open();
    const chat = { id: 'from-a-file', title: 'F', createdAt: 1, updatedAt: 1, model: '', turns: [turn(1, 'Q', 'A')] };
    expect(await archive.add([chat])).toBe(1);
    expect(await archive.add([chat])).toBe(0);
    const other = { ...chat, turns: [turn(1, 'Q', 'Another')] };
    expect(await archive.add([other, chat])).toBe(1);
    expect(await archive.add([other, chat])).toBe(0);
    const answers = (await archive.records()).map(({ turns }) => turns[0]?.answer);
    expect(new Set(answers)).toEqual(new Set(['A', 'Another']));
    expect(answers).toHaveLength(2);
    // A deleted chat comes back when somebody imports it again.
    await archive.delete('from-a-file');
    expect(await archive.add([chat])).toBe(1);
    archive.disconnect();
  });
});

describe('what is not saved', () => {
  it('is said, and is saved once that is possible', async () => {
    const { archive } = await open();
    archive.note([turn(1, 'One?', 'One.')], '', false);
    await archive.flush();
    const full = vi.spyOn(IDBObjectStore.prototype, 'put').mockImplementation(() => {
      throw new DOMException('No room.', 'QuotaExceededError');
    });
    archive.note([turn(1, 'One?', 'One.'), turn(2, 'Two?', 'Two.')], '', false);
    await archive.flush();
    expect(archive.unsaved).toMatchObject({ code: 'storage_full' });
    // Another chat is opened meanwhile; nothing is forgotten.
    archive.begin();
    expect(archive.unsaved).toMatchObject({ code: 'storage_full' });
    full.mockRestore();
    // By itself, after a while.
    await vi.waitFor(() => expect(archive.unsaved).toBeUndefined(), { timeout: 5000 });
    expect(await archive.records()).toMatchObject([{ turns: [{ answer: 'One.' }, { answer: 'Two.' }] }]);
    archive.disconnect();
  });
});
