import 'fake-indexeddb/auto';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { Turn } from '../conversation.ts';
import { ChatLibrary } from './chat-library.ts';

/** Storage of a page, or of a tab. */
class MapStorage implements Pick<Storage, 'getItem' | 'setItem' | 'removeItem'> {
  readonly #items = new Map<string, string>();
  getItem = (key: string): string | null => this.#items.get(key) ?? null;
  setItem = (key: string, value: string): void => void this.#items.set(key, value);
  removeItem = (key: string): void => void this.#items.delete(key);
}

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

async function open(): Promise<{ library: ChatLibrary; opened: { turns: readonly Turn[]; draft: string }[] }> {
  const opened: { turns: readonly Turn[]; draft: string }[] = [];
  const library = new ChatLibrary({
    changed: () => undefined,
    opened: (turns, draft) => opened.push({ turns, draft }),
  });
  await library.connect(String(list));
  return { library, opened };
}

/** Another visit in the same tab. */
async function reopen(before: ChatLibrary): Promise<Awaited<ReturnType<typeof open>>> {
  await before.flush();
  before.disconnect();
  return open();
}

describe('ChatLibrary', () => {
  it('keeps a chat from its first question on, and opens it again in the same tab', async () => {
    const { library } = await open();
    expect(library).toMatchObject({ available: true, chats: [], current: undefined });
    library.note([turn(1, 'What is\nan apple?', '', { status: 'reading' })], 'Lexicon', false);
    await library.flush();
    expect(library.chats).toMatchObject([{ title: 'What is an apple?', model: 'Lexicon' }]);
    library.note([turn(1, 'What is\nan apple?', 'A fr', { status: 'writing' })], 'Lexicon', true);
    const { library: later, opened } = await reopen(library);
    expect(later.current).toBe(library.current);
    // What was being written when the page closed is there as far as it came.
    expect(opened).toMatchObject([{ turns: [{ id: 1, answer: 'A fr', status: 'stopped' }] }]);
  });

  it('writes only the turns that have changed, and removes those that are gone', async () => {
    const { library } = await open();
    const first = turn(1, 'One?', 'One.');
    library.note([first, turn(2, 'Two?', 'Two.')], '', false);
    await library.flush();
    const put = vi.spyOn(IDBObjectStore.prototype, 'put');
    library.note([first, turn(3, 'Three?', 'Three.')], '', false);
    await library.flush();
    expect(put.mock.calls.map(([value]) => (value as { id: unknown }).id)).toEqual([library.current, 3]);
    put.mockRestore();
    const { opened } = await reopen(library);
    expect(opened[0]?.turns.map(({ question }) => question)).toEqual(['One?', 'Three?']);
  });

  it('keeps the answer before until a changed question has one', async () => {
    const { library } = await open();
    const before = turn(1, 'One?', 'One.');
    library.note([before], '', false);
    library.note([turn(2, 'Other?', '', { status: 'reading', replaces: [before] })], '', false);
    const { library: later, opened } = await reopen(library);
    expect(opened[0]?.turns).toMatchObject([{ question: 'One?', answer: 'One.' }]);
    later.note([turn(2, 'Other?', 'Yes', { status: 'writing', replaces: [before] })], '', false);
    const { opened: last } = await reopen(later);
    expect(last[0]?.turns).toMatchObject([{ question: 'Other?', answer: 'Yes' }]);
  });

  it('forgets a chat whose only question was taken back', async () => {
    const { library } = await open();
    library.note([turn(1, 'One?')], '', false);
    library.note([], '', false);
    await library.flush();
    expect(library.chats).toEqual([]);
  });

  it('renames, searches, deletes, brings back', async () => {
    const { library, opened } = await open();
    library.note([turn(1, 'About apples', 'They are FRUIT.')], '', false);
    library.begin();
    library.note([turn(1, 'About rivers', 'They flow.')], '', false);
    await library.flush();
    const [rivers, apples] = library.chats.map(({ id }) => id) as [string, string];
    expect(await library.search('fruit')).toEqual(new Set([apples]));
    expect(await library.search('ABOUT')).toEqual(new Set([rivers, apples]));
    expect(await library.search('stones')).toEqual(new Set());
    await library.rename(apples, '  Fruit \n salad ');
    await library.rename(rivers, '   ');
    expect(library.chats.map(({ title }) => title)).toEqual(['About rivers', 'Fruit salad']);
    await library.open(apples);
    expect(opened.at(-1)?.turns).toMatchObject([{ answer: 'They are FRUIT.' }]);
    await library.delete(apples);
    expect(library).toMatchObject({ current: undefined, chats: [{ id: rivers }], deleted: { title: 'Fruit salad' } });
    expect(opened.at(-1)?.turns).toEqual([]);
    await library.undo();
    expect(new Set(library.chats.map(({ id }) => id))).toEqual(new Set([rivers, apples]));
    expect(await library.records(apples)).toMatchObject([{ turns: [{ question: 'About apples' }] }]);
  });

  it('keeps what was typed and not sent, in every chat', async () => {
    const { library, opened } = await open();
    library.draft = 'for a new chat';
    library.note([turn(1, 'One?', 'One.')], '', false);
    await library.flush();
    expect(library.draft).toBe('');
    library.draft = 'for this one';
    const id = library.current as string;
    library.begin();
    expect(opened.at(-1)).toEqual({ turns: [], draft: '' });
    library.draft = 'for another';
    await library.open(id);
    expect(opened.at(-1)?.draft).toBe('for this one');
    const { library: later, opened: again } = await reopen(library);
    expect(again[0]?.draft).toBe('for this one');
    later.begin();
    expect(later.draft).toBe('for another');
  });

  it('keeps no drafts where there is no list, and shows nobody else’s', async () => {
    const { library } = await open();
    library.draft = 'mine';
    const alone = new ChatLibrary({ changed: () => undefined, opened: () => undefined });
    expect(alone.draft).toBe('');
    alone.draft = 'lost';
    expect(alone.draft).toBe('');
    expect(library.draft).toBe('mine');
  });

  it('follows another tab that changes, or deletes, the chat that is open', async () => {
    const here = await open();
    here.library.note([turn(1, 'One?', 'One.')], '', false);
    await here.library.flush();
    const there = await open();
    expect(there.library.current).toBe(here.library.current);
    there.library.note([...there.opened[0]!.turns, turn(2, 'Two?', 'Two.')], '', false);
    await there.library.flush();
    await vi.waitFor(() => expect(here.opened.at(-1)?.turns).toHaveLength(2));
    await there.library.delete(there.library.current as string);
    await vi.waitFor(() => expect(here.library).toMatchObject({ current: undefined, chats: [] }));
    here.library.disconnect();
    there.library.disconnect();
  });

  it('works without a database, and keeps nothing', async () => {
    vi.stubGlobal('indexedDB', undefined);
    const { library, opened } = await open();
    expect(library.available).toBe(false);
    library.note([turn(1, 'One?', 'One.')], '', false);
    await library.flush();
    library.begin();
    expect(opened.at(-1)?.turns).toEqual([]);
    expect(library.chats).toEqual([]);
    vi.unstubAllGlobals();
  });
});
