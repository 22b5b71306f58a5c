import 'fake-indexeddb/auto';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { MapStorage } from '../../testing/browser/map-storage.ts';
import type { Turn } from '../conversation.ts';
import { ChatArchive } from './chat-archive.ts';
import { readChats, toJson } from './chat-files.ts';
import type { TurnId } from './ids.ts';

let list = 0;

beforeEach(() => {
  list++;
  vi.stubGlobal('localStorage', new MapStorage());
  vi.stubGlobal('sessionStorage', new MapStorage());
});

const turn = (id: number, question: string, answer = '', more: Partial<Turn> = {}): Turn => ({
  id,
  question,
  answer,
  status: 'done',
  ...more,
});

async function open(): Promise<{
  archive: ChatArchive;
  opened: { turns: readonly Turn[]; draft: string | undefined; tip?: TurnId }[];
}> {
  const opened: { turns: readonly Turn[]; draft: string | undefined; tip?: TurnId }[] = [];
  const archive = new ChatArchive({
    changed: () => undefined,
    opened: (turns, draft, tip) => opened.push({ turns, draft, ...(tip !== undefined && { tip }) }),
  });
  await archive.connect(String(list));
  return { archive, opened };
}

/** Another visit in the same tab. */
async function reopen(before: ChatArchive): Promise<Awaited<ReturnType<typeof open>>> {
  await before.flush();
  before.disconnect();
  return open();
}

describe('ChatArchive', () => {
  it('keeps a chat from its first question on, and opens it again in the same tab', async () => {
    const { archive } = await open();
    expect(archive).toMatchObject({ available: true, chats: [], current: undefined });
    archive.note([turn(1, 'What is\nan apple?', '', { status: 'reading' })], 'Lexicon', false);
    await archive.flush();
    expect(archive.chats).toMatchObject([{ title: 'What is an apple?', model: 'Lexicon' }]);
    archive.note([turn(1, 'What is\nan apple?', 'A fr', { status: 'writing' })], 'Lexicon', true);
    const { archive: later, opened } = await reopen(archive);
    expect(later.current).toBe(archive.current);
    // An answer that was being written when the page closed is there as far as it came.
    expect(opened).toMatchObject([{ turns: [{ id: 1, answer: 'A fr', status: 'stopped' }] }]);
  });

  it('keeps a chat that began before the database was open', async () => {
    const archive = new ChatArchive({ changed: () => undefined, opened: () => undefined });
    const connecting = archive.connect(String(list));
    archive.note([turn(1, 'Already?', 'Yes.')], 'Lexicon', false);
    await connecting;
    expect(archive.chats).toMatchObject([{ title: 'Already?' }]);
    const { opened } = await open();
    expect(opened[0]?.turns).toMatchObject([{ answer: 'Yes.' }]);
  });

  it('writes at once, in order, also where nobody lives to hear of it', async () => {
    const { archive } = await open();
    archive.note([turn(1, 'One?')], '', false);
    archive.note([turn(1, 'One?', 'One.')], '', false);
    archive.note([turn(1, 'One?', 'One.'), turn(2, 'Two?', 'Tw', { status: 'writing' })], '', true);
    void archive.flush(); // the page is being closed
    const { opened } = await open();
    expect(opened[0]?.turns).toMatchObject([{ answer: 'One.' }, { answer: 'Tw', status: 'stopped' }]);
  });

  it('writes only the turns that have changed, and removes those that are gone', async () => {
    const { archive } = await open();
    const first = turn(1, 'One?', 'One.');
    archive.note([first, turn(2, 'Two?', 'Two.')], '', false);
    await archive.flush();
    const put = vi.spyOn(IDBObjectStore.prototype, 'put');
    archive.note([first, turn(3, 'Three?', 'Three.')], '', false);
    await archive.flush();
    expect(put.mock.calls.map(([value]) => (value as { id: unknown }).id)).toEqual([archive.current, 3]);
    put.mockRestore();
    const { opened } = await reopen(archive);
    expect(opened[0]?.turns.map(({ question }) => question)).toEqual(['One?', 'Three?']);
  });

  it('shows the version before until a changed question has an answer, and keeps both', async () => {
    const { archive } = await open();
    const before = turn(1, 'One?', 'One.');
    archive.note([before], '', false, 1);
    const other = turn(2, 'Other?', '', { status: 'reading', instead: 1, former: 1 });
    archive.note([before, other], '', false, 2);
    const { archive: later, opened } = await reopen(archive);
    expect(opened[0]).toMatchObject({ turns: [{ question: 'One?', answer: 'One.' }], tip: 1 });
    later.note([before, { ...other, answer: 'Yes', status: 'writing' }], '', false, 2);
    const { opened: last } = await reopen(later);
    expect(last[0]).toMatchObject({
      turns: [{ id: 1 }, { id: 2, question: 'Other?', answer: 'Yes', instead: 1 }],
      tip: 2,
    });
  });

  it('keeps which version is shown, in each tab its own, and does not call that a change of the chat', async () => {
    const { archive, opened } = await open();
    const both = [turn(1, 'One?', 'One.'), turn(2, 'One?', 'Another.', { instead: 1 })];
    archive.note(both, '', false, 2);
    await archive.flush();
    const [before] = archive.chats;
    const there = await open();
    expect(there.opened[0]?.tip).toBe(2);
    archive.note(both, '', false, 1);
    await archive.flush();
    // The other tab asks on where it is, and this one stays where it is.
    there.archive.note([...there.opened[0]!.turns, turn(3, 'Two?', 'Two.', { after: 2 })], '', false, 3);
    await there.archive.flush();
    await vi.waitFor(() => expect(opened.at(-1)).toMatchObject({ turns: [{ id: 1 }, { id: 2 }, { id: 3 }], tip: 1 }));
    there.archive.disconnect();
    archive.note(opened.at(-1)!.turns, '', false, 2);
    await archive.flush();
    archive.note(opened.at(-1)!.turns, '', false, 1);
    const changed = (await archive.records())[0]?.updatedAt ?? 0;
    expect(changed).toBeGreaterThan(before?.updatedAt ?? 0);
    const { archive: later, opened: again } = await reopen(archive);
    expect(again[0]?.tip).toBe(1);
    expect(later.chats[0]?.updatedAt).toBe(changed);
    // It comes back as it was.
    const id = later.current as string;
    await later.delete(id);
    await later.undo();
    await later.open(id);
    expect(again.at(-1)).toMatchObject({ turns: [{ id: 1 }, { id: 2 }, { id: 3 }], tip: 1 });
  });

  it('forgets a chat whose only question was taken back', async () => {
    const { archive } = await open();
    archive.note([turn(1, 'One?')], '', false);
    archive.note([], '', false);
    await archive.flush();
    expect(archive.chats).toEqual([]);
  });

  it('renames, searches, deletes, brings back', async () => {
    const { archive, opened } = await open();
    archive.note([turn(1, 'About apples', 'They are FRUIT.')], '', false);
    archive.begin();
    archive.note([turn(1, 'About rivers', 'They flow.')], '', false);
    await archive.flush();
    const [rivers, apples] = archive.chats.map(({ id }) => id) as [string, string];
    expect(await archive.search('fruit')).toEqual(new Set([apples]));
    expect(await archive.search('ABOUT')).toEqual(new Set([rivers, apples]));
    expect(await archive.search('stones')).toEqual(new Set());
    await archive.rename(apples, '  Fruit \n salad ');
    await archive.rename(rivers, '   ');
    expect(archive.chats.map(({ title }) => title)).toEqual(['About rivers', 'Fruit salad']);
    await archive.open(apples);
    expect(opened.at(-1)?.turns).toMatchObject([{ answer: 'They are FRUIT.' }]);
    await archive.delete(apples);
    expect(archive).toMatchObject({ current: undefined, chats: [{ id: rivers }], deleted: { title: 'Fruit salad' } });
    expect(opened.at(-1)?.turns).toEqual([]);
    await archive.undo();
    expect(new Set(archive.chats.map(({ id }) => id))).toEqual(new Set([rivers, apples]));
    expect(await archive.records(apples)).toMatchObject([{ turns: [{ question: 'About apples' }] }]);
  });

  it('pins and unpins, also while the chat goes on', async () => {
    const { archive } = await open();
    archive.note([turn(1, 'One?', 'One.')], '', false);
    await archive.flush();
    const id = archive.current as string;
    await archive.pin(id, true);
    expect(archive.chats).toMatchObject([{ id, pinned: true }]);
    archive.note([turn(1, 'One?', 'One.'), turn(2, 'Two?', 'Two.')], '', false);
    expect(archive.chats).toMatchObject([{ pinned: true }]);
    await archive.flush();
    await archive.rename(id, 'Renamed');
    const { archive: later } = await reopen(archive);
    expect(later.chats).toMatchObject([{ title: 'Renamed', pinned: true }]);
    const [record] = await later.records();
    expect(record?.pinned).toBe(true);
    await later.pin(id, false);
    await later.delete(id);
    await later.add([record!]);
    expect(later.chats).toMatchObject([{ pinned: true }]);
    await later.pin(id, false);
    expect(later.chats[0]).not.toHaveProperty('pinned');
    expect(await later.records()).toMatchObject([{ turns: [{ id: 1 }, { id: 2 }] }]);
  });

  it('keeps settings of one chat alone, also those that are set before its first question', async () => {
    const { archive } = await open();
    const own = { system: 'Be brief.', sampling: { temperature: 0.5 } };
    archive.own = own;
    archive.note([turn(1, 'One?', 'One.')], '', false);
    await archive.flush();
    const before = archive.chats[0]!;
    archive.begin();
    expect(archive.own).toBeUndefined();
    await archive.open(before.id);
    expect(archive.own).toEqual(own);
    archive.own = { ...own, system: 'Be long.' };
    await archive.flush();
    // The chat itself has not changed, and goes on with them.
    expect(archive.chats[0]?.updatedAt).toBe(before.updatedAt);
    archive.note([turn(1, 'One?', 'One.'), turn(2, 'Two?', 'Two.')], '', false);
    const { archive: later } = await reopen(archive);
    expect(later.own).toEqual({ ...own, system: 'Be long.' });
    // Another tab hears of it; what is set here meanwhile stays.
    const there = await open();
    there.archive.own = own;
    await there.archive.flush();
    await vi.waitFor(() => expect(later.own).toEqual(own));
    there.archive.disconnect();
    const [record] = await later.records();
    expect(readChats(toJson([record!]), 0)[0]?.own).toEqual(own);
    later.own = undefined;
    const { archive: last } = await reopen(later);
    expect(last.own).toBeUndefined();
    expect((await last.records())[0]).not.toHaveProperty('own');
  });

  it('keeps what was typed and not sent, in every chat', async () => {
    const { archive, opened } = await open();
    archive.draft = 'for a new chat';
    archive.note([turn(1, 'One?', 'One.')], '', false);
    await archive.flush();
    expect(archive.draft).toBe('');
    archive.draft = 'for this one';
    const id = archive.current as string;
    archive.begin();
    expect(opened.at(-1)).toEqual({ turns: [], draft: '' });
    archive.draft = 'for another';
    await archive.open(id);
    expect(opened.at(-1)?.draft).toBe('for this one');
    const { archive: later, opened: again } = await reopen(archive);
    expect(again[0]?.draft).toBe('for this one');
    later.begin();
    expect(later.draft).toBe('for another');
  });

  it('keeps no drafts where there is no list, and shows nobody else’s', async () => {
    const { archive } = await open();
    archive.draft = 'mine';
    const alone = new ChatArchive({ changed: () => undefined, opened: () => undefined });
    expect(alone.draft).toBe('');
    alone.draft = 'lost';
    expect(alone.draft).toBe('');
    expect(archive.draft).toBe('mine');
  });

  it('follows another tab that changes, or deletes, the chat that is open', async () => {
    const here = await open();
    here.archive.note([turn(1, 'One?', 'One.')], '', false);
    await here.archive.flush();
    const there = await open();
    expect(there.archive.current).toBe(here.archive.current);
    there.archive.note([...there.opened[0]!.turns, turn(2, 'Two?', 'Two.')], '', false);
    await there.archive.flush();
    await vi.waitFor(() => expect(here.opened.at(-1)?.turns).toHaveLength(2));
    await there.archive.delete(there.archive.current as string);
    await vi.waitFor(() => expect(here.archive).toMatchObject({ current: undefined, chats: [] }));
    here.archive.disconnect();
    there.archive.disconnect();
  });

  it('works without a database, and keeps nothing', async () => {
    vi.stubGlobal('indexedDB', undefined);
    const { archive, opened } = await open();
    expect(archive.available).toBe(false);
    archive.note([turn(1, 'One?', 'One.')], '', false);
    await archive.flush();
    archive.begin();
    expect(opened.at(-1)?.turns).toEqual([]);
    expect(archive.chats).toEqual([]);
    vi.unstubAllGlobals();
  });
});
