import 'fake-indexeddb/auto';
import fc, { type Scheduler } from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { databaseFaults } from '../../testing/faults/indexed-db.ts';
import type { Turn } from '../conversation.ts';
import { ChatArchive } from './chat-archive.ts';
import type { ChatRecord, LoadedChat } from './chat-record.ts';
import { ChatStore } from './chat-store.ts';
import { newTurnId } from './ids.ts';

const faults = databaseFaults();

let runs = 0;

afterEach(() => {
  faults.holdEnds(undefined);
  vi.unstubAllGlobals();
});

type Command =
  | { do: 'ask' | 'again' | 'take back' | 'begin' | 'import' | 'undo' | 'keep' }
  | { do: 'open' | 'rename' | 'delete'; which: number };

const which = fc.nat({ max: 3 });
const command: fc.Arbitrary<Command> = fc.oneof(
  { weight: 5, arbitrary: fc.constant<Command>({ do: 'ask' }) },
  { weight: 3, arbitrary: which.map<Command>((index) => ({ do: 'open', which: index })) },
  { weight: 2, arbitrary: which.map<Command>((index) => ({ do: 'delete', which: index })) },
  ...(['again', 'take back', 'begin', 'import', 'undo', 'keep'] as const).map((each) => ({
    weight: 1,
    arbitrary: fc.constant<Command>({ do: each }),
  })),
  { weight: 1, arbitrary: which.map<Command>((index) => ({ do: 'rename', which: index })) },
);

/** The work that all tabs were told is done. */
class Acknowledged {
  /** Answers and their chats, by the turn's id. */
  readonly answers = new Map<Turn['id'], { answer: string; chat: string }>();
  /** Chats that were deleted, but for those that were brought back. */
  readonly deleted = new Set<string>();
  /** Chats that were deleted at some time: what was said in them meanwhile may be gone with them. */
  readonly onceDeleted = new Set<string>();
  keptAnew = false;
  count = 0;
}

/** A file that both tabs may read in. */
const FILE: ChatRecord = {
  id: 'from-a-file',
  title: 'From a file',
  createdAt: 1,
  updatedAt: 1,
  model: '',
  turns: [{ id: 1, question: 'In a file?', answer: 'In a file.', status: 'done' }],
};

/** A tab: an archive, and what its view shows. */
class Tab {
  turns: readonly Turn[] = [];
  readonly archive: ChatArchive;
  readonly #known: Acknowledged;

  constructor(known: Acknowledged) {
    this.#known = known;
    this.archive = new ChatArchive({
      changed: () => undefined,
      opened: (turns) => (this.turns = turns),
    });
  }

  async act(next: Command): Promise<void> {
    const { archive } = this;
    const target = 'which' in next ? archive.chats[next.which % Math.max(1, archive.chats.length)]?.id : undefined;
    switch (next.do) {
      case 'ask':
        return this.#answer([...this.turns, this.#newTurn()]);
      case 'again': {
        const last = this.turns.at(-1);
        if (last) return this.#answer([...this.turns, { ...this.#newTurn(), instead: last.id, former: last.id }]);
        return undefined;
      }
      case 'take back': {
        // A question that failed before any answer.
        const before = this.turns;
        this.#show([...before, { ...this.#newTurn(), status: 'reading' }]);
        this.#show(before);
        return undefined;
      }
      case 'begin':
        return archive.begin();
      case 'import':
        await archive.add([FILE]);
        this.#known.deleted.delete(FILE.id);
        return undefined;
      case 'undo': {
        const id = archive.deleted?.id;
        await archive.undo();
        if (id !== undefined) this.#known.deleted.delete(id);
        return undefined;
      }
      case 'keep':
        // Should the chat come back as well, its turns are there twice, as was asked for.
        if (archive.gone) this.#known.keptAnew = true;
        return archive.keepGone();
      case 'open':
        return target === undefined ? undefined : archive.open(target);
      case 'rename':
        return target === undefined ? undefined : archive.rename(target, `Title ${++this.#known.count}`);
      default: {
        if (target === undefined) return undefined;
        this.#known.deleted.add(target);
        this.#known.onceDeleted.add(target);
        await archive.delete(target);
        return undefined;
      }
    }
  }

  #newTurn(): Turn {
    return { id: newTurnId(this.turns.at(-1)?.id), question: `Q${++this.#known.count}`, answer: '', status: 'queued' };
  }

  #show(turns: readonly Turn[], streaming = false): void {
    this.turns = turns;
    this.archive.note(turns, 'Model', streaming, turns.at(-1)?.id);
  }

  async #answer(turns: readonly Turn[]): Promise<void> {
    const asked = turns.at(-1) as Turn;
    this.#show(turns);
    this.#show([...turns.slice(0, -1), { ...asked, answer: 'Half', status: 'writing', former: undefined }], true);
    const done: Turn = { ...asked, answer: `A${asked.question}`, status: 'done', former: undefined };
    this.#show([...turns.slice(0, -1), done]);
    await this.archive.flush();
    // A turn that is neither called unsaved nor deleted is acknowledged.
    const { archive } = this;
    const chat = archive.current;
    if (chat === undefined || archive.unsaved || archive.gone || !this.turns.includes(done)) return;
    this.#known.answers.set(done.id, { answer: done.answer, chat });
  }
}

/** Messages between tabs. @param delivery resolves when one is to be delivered */
function stubChannel(delivery: () => Promise<unknown>): void {
  const open = new Set<Channel>();
  class Channel extends EventTarget {
    readonly name: string;
    constructor(name: string) {
      super();
      this.name = name;
      open.add(this);
    }
    postMessage(data: unknown): void {
      for (const other of open) {
        if (other === this || other.name !== this.name) continue;
        void delivery().then(() => open.has(other) && other.dispatchEvent(new MessageEvent('message', { data })));
      }
    }
    close(): void {
      open.delete(this);
    }
  }
  vi.stubGlobal('BroadcastChannel', Channel);
}

async function allChats(list: string): Promise<LoadedChat[]> {
  const store = new ChatStore(list, () => undefined);
  const { chats } = await store.list();
  const loaded = await Promise.all(chats.map(({ id }) => store.chat(id)));
  store.close();
  return loaded.filter((chat) => chat !== undefined);
}

/** Has each tab do its part, in the order of the scheduler, and looks at what has become of it all. */
async function race(scheduler: Scheduler, ...scripts: readonly (readonly Command[])[]): Promise<void> {
  stubChannel(() => scheduler.schedule(Promise.resolve(), 'message'));
  const list = `races ${++runs}`;
  const known = new Acknowledged();
  const tabs = scripts.map(() => new Tab(known));
  await Promise.all(tabs.map(({ archive }) => archive.connect(list)));
  // Both have one chat open.
  await tabs[0]!.act({ do: 'ask' });
  await scheduler.waitFor(tabs[1]!.archive.tryAgain());
  await scheduler.waitFor(tabs[1]!.archive.open(tabs[0]!.archive.current as string));
  faults.holdEnds(() => scheduler.schedule(Promise.resolve(), 'end of a transaction'));
  const runOne = async (tab: Tab, commands: readonly Command[]): Promise<void> => {
    for (const each of commands) {
      await scheduler.schedule(Promise.resolve(), each.do);
      await tab.act(each);
    }
  };
  await scheduler.waitFor(Promise.all(tabs.map((tab, i) => runOne(tab, scripts[i]!))));
  faults.holdEnds(undefined);
  await scheduler.waitIdle();
  await scheduler.waitFor(Promise.all(tabs.map(({ archive }) => archive.tryAgain())));
  await scheduler.waitIdle();

  const chats = await allChats(list);
  const turns = chats.flatMap((chat) => chat.turns);
  const there = new Map(turns.map(({ id, answer }) => [id, answer]));
  for (const [id, { answer, chat }] of known.answers) {
    // A chat that was deleted takes its turns with it.
    if (known.onceDeleted.has(chat) && !there.has(id)) continue;
    expect(there.get(id)).toBe(answer);
  }
  for (const id of known.deleted) expect(chats.map((chat) => chat.id)).not.toContain(id);
  for (const each of known.keptAnew ? chats.map((chat) => chat.turns) : [turns]) {
    const questions = each.map(({ question }) => question).filter((question) => question.startsWith('Q'));
    expect(new Set(questions).size).toBe(questions.length);
  }
  expect(chats.filter(({ id }) => id.startsWith(FILE.id)).length).toBeLessThanOrEqual(2);
  // Both see what is kept, but for what they have been told is deleted.
  for (const { archive, turns: shown } of tabs) {
    const chat = chats.find(({ id }) => id === archive.current);
    if (chat) expect(shown.map(({ id }) => id)).toEqual(chat.turns.map(({ id }) => id));
    archive.disconnect();
  }
  await scheduler.waitIdle();
}

describe('two tabs with one list', () => {
  it('lose nothing that is acknowledged, double nothing, and bring nothing back, in any order of events', async () => {
    const script = fc.array(command, { minLength: 1, maxLength: 7 });
    await fc.assert(fc.asyncProperty(fc.scheduler(), script, script, race), { numRuns: 150 });
  });

  it('see an answer to a chat that comes back while it is opened', async () => {
    const asking: Command[] = [{ do: 'ask' }, { do: 'import' }, { do: 'open', which: 1 }];
    const deleting: Command[] = [{ do: 'delete', which: 0 }, { do: 'ask' }, { do: 'undo' }];
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), (scheduler) => race(scheduler, asking, deleting)),
      { numRuns: 40 },
    );
  });
});

describe('a tab', () => {
  it('shows what is asked in a chat while a second click opens it again', async () => {
    const list = `races ${++runs}`;
    const tab = new Tab(new Acknowledged());
    await tab.archive.connect(list);
    await tab.act({ do: 'ask' });
    const id = tab.archive.current as string;
    await tab.act({ do: 'begin' });
    let answer = (): void => undefined;
    const slow = new Promise<void>((resolve) => {
      answer = resolve;
    });
    let reads = 0;
    faults.holdEnds(() => (++reads === 2 ? slow : Promise.resolve()));
    const clicks = [tab.archive.open(id), tab.archive.open(id)];
    await clicks[0];
    await tab.act({ do: 'ask' });
    answer();
    await Promise.all(clicks);
    expect(tab.turns).toHaveLength(2);
    tab.archive.disconnect();
  });

  it('shows what another tab says in a chat while it reads it', async () => {
    stubChannel(() => Promise.resolve());
    const list = `races ${++runs}`;
    const [tab, other] = [new Tab(new Acknowledged()), new Tab(new Acknowledged())];
    await other.archive.connect(list);
    await other.act({ do: 'ask' });
    await tab.archive.connect(list);
    let answer = (): void => undefined;
    const slow = new Promise<void>((resolve) => {
      answer = resolve;
    });
    let reads = 0;
    faults.holdEnds(() => (++reads === 1 ? slow : Promise.resolve()));
    const opening = tab.archive.open(other.archive.current as string);
    await vi.waitFor(() => expect(reads).toBe(1));
    await other.act({ do: 'ask' });
    answer();
    await opening;
    expect(tab.turns).toHaveLength(2);
    for (const { archive } of [tab, other]) archive.disconnect();
  });
});
