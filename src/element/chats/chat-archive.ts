// The list of chats, and which of them is open: saves what changes, keeps drafts, hears of other tabs. Where the browser
// keeps nothing (a private window, blocked storage), the open chat works the same and is forgotten with the page.

import type { Turn } from '../conversation.ts';
import { readPreference, writePreference } from '../preferences.ts';
import { newId, storedTurn, titleOf, type ChatRecord, type ChatSummary, type StoredTurn } from './chat-record.ts';
import { ChatStore } from './chat-store.ts';

/** An answer that is being written is saved this often, in milliseconds. */
const SAVE_EVERY = 1000;

/** What the archive tells the chat. */
export interface ArchiveEvents {
  /** The list, or what is open, has changed. */
  changed(): void;
  /** Another chat is open, or the open one was changed elsewhere: these are its turns. */
  opened(turns: readonly Turn[], draft: string): void;
}

/** Turns that are saved, by id; the same object means that nothing has changed. */
type Saved = ReadonlyMap<number, Turn>;

/** What is to be written of a chat. */
interface Changes {
  /** Its first turn, which gives a new chat its title. */
  first: Turn;
  /** Name of the model that answers. */
  model: string;
  changed: readonly Turn[];
  removed: readonly number[];
}

/** The chats of one list. */
export class ChatArchive {
  /** The chat that was changed last first. */
  chats: readonly ChatSummary[] = [];
  /** Of the chat that is open; undefined for a new one. */
  current: string | undefined;
  /** False where the browser keeps nothing, and before it is known. */
  available = false;
  /** The chat that was deleted last, until something else happens: it can come back. */
  deleted: ChatRecord | undefined;
  readonly #events: ArchiveEvents;
  #list = '';
  /** An element without a list keeps no drafts either. */
  #connected = false;
  #store: ChatStore | undefined;
  #saved: Saved = new Map();
  #latest: { turns: readonly Turn[]; model: string } = { turns: [], model: '' };
  #timer: ReturnType<typeof setTimeout> | undefined;
  #writing: Promise<void> = Promise.resolve();

  /** @param events where changes are reported */
  constructor(events: ArchiveEvents) {
    this.#events = events;
  }

  /** Opens a list, and the chat that this tab had open before it was loaded again. */
  async connect(list: string): Promise<void> {
    this.disconnect();
    this.#list = list;
    this.#connected = true;
    let store: ChatStore;
    try {
      store = await ChatStore.open(list, (chat) => void this.#onForeignChange(chat));
    } catch {
      return; // Refused: see above.
    }
    if (this.#list !== list || this.#store) return store.close();
    this.#store = store;
    this.available = true;
    await this.#refresh();
    const before = sessionValue(this.#key('open'));
    // Whoever has begun to ask already is not taken anywhere else.
    if (this.current === undefined && this.#latest.turns.length === 0) {
      if (before !== null && this.chats.some(({ id }) => id === before)) await this.open(before);
      else this.#events.opened([], this.draft);
    } else await this.flush();
  }

  /** Saves what is not saved, and lets go of the database. */
  disconnect(): void {
    void this.flush();
    const store = this.#store;
    void this.#writing.then(() => store?.close());
    this.#store = undefined;
    this.#connected = false;
    this.available = false;
  }

  /** Text that was typed and not sent, in the chat that is open. */
  get draft(): string {
    const draft = this.#connected && this.#drafts()[this.current ?? ''];
    return typeof draft === 'string' ? draft : '';
  }

  set draft(text: string) {
    if (!this.#connected) return;
    const { [this.current ?? '']: _before, ...others } = this.#drafts();
    const drafts = text === '' ? others : { ...others, [this.current ?? '']: text };
    writePreference(this.#key('drafts'), Object.keys(drafts).length === 0 ? undefined : drafts);
  }

  /** Opens a chat of the list. */
  async open(id: string): Promise<void> {
    await this.flush();
    const turns = (await this.#store?.turns(id)) ?? [];
    this.#enter(id, turns);
  }

  /** Begins a new chat; it joins the list with its first question. */
  begin(): void {
    void this.flush();
    this.#enter(undefined, []);
  }

  /**
   * Notes the turns of the open chat as they are now, to be saved: at once, or a while later when they are `streaming`.
   *
   * @param model name of the model that answers
   */
  note(turns: readonly Turn[], model: string, streaming: boolean): void {
    this.#latest = { turns, model };
    if (!this.#store) return;
    if (!streaming) void this.flush();
    else this.#timer ??= setTimeout(() => void this.flush(), SAVE_EVERY);
  }

  /** Saves what has changed. */
  flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const store = this.#store;
    const { turns, model } = this.#latest;
    // Until a changed question has an answer, the one before stands: should the page close now, nothing is lost.
    const kept = turns.flatMap((turn) => (turn.answer === '' && turn.replaces ? turn.replaces : [turn]));
    const saved: Saved = new Map(kept.map((turn) => [turn.id, turn]));
    const changed = kept.filter((turn) => this.#saved.get(turn.id) !== turn);
    const removed = [...this.#saved.keys()].filter((id) => !saved.has(id));
    if (!store || (changed.length === 0 && removed.length === 0)) return this.#writing;
    const [first] = kept;
    if (this.current === undefined) {
      if (!first) return this.#writing;
      // What was typed for the new chat belongs to it from now on.
      this.draft = '';
      this.#setCurrent(newId());
    }
    const id = this.current as string;
    this.#saved = saved;
    // Begun at once, and in order by themselves: the page may be closing.
    const written = first ? this.#write(store, id, { first, model, changed, removed }) : this.#remove(store, id);
    this.#writing = Promise.all([this.#writing, written.catch(() => this.#giveUp())]).then(() => undefined);
    return this.#writing;
  }

  async #write(store: ChatStore, id: string, { first, model, changed, removed }: Changes): Promise<void> {
    const now = Date.now();
    const known = this.chats.find((chat) => chat.id === id);
    const summary: ChatSummary = {
      id,
      title: known?.title ?? titleOf(first.question),
      createdAt: known?.createdAt ?? now,
      updatedAt: now,
      model: model || (known?.model ?? ''),
    };
    this.chats = [summary, ...this.chats.filter((chat) => chat.id !== id)];
    this.#events.changed();
    await store.save(summary, changed.map(storedTurn), removed);
  }

  /** Gives a chat another title. */
  async rename(id: string, title: string): Promise<void> {
    const chat = this.chats.find((each) => each.id === id);
    const line = title.trim().replaceAll(/\s+/g, ' ');
    if (!chat || line === '' || line === chat.title) return;
    const renamed = { ...chat, title: line };
    this.chats = this.chats.map((each) => (each.id === id ? renamed : each));
    this.#events.changed();
    await this.#store?.save(renamed, []);
  }

  /** Deletes a chat; until something else is deleted, `undo` brings it back. */
  async delete(id: string): Promise<void> {
    await this.flush();
    const store = this.#store;
    if (!store) return;
    this.deleted = await store.chat(id);
    await this.#remove(store, id);
    if (this.current === id) this.#enter(undefined, []);
    this.#events.changed();
  }

  /** Brings back the chat that was deleted last. */
  async undo(): Promise<void> {
    const { deleted } = this;
    this.deleted = undefined;
    if (deleted) await this.add([deleted]);
    this.#events.changed();
  }

  /** Forgets the chat that was deleted last. */
  dismissDeleted(): void {
    this.deleted = undefined;
    this.#events.changed();
  }

  /** Adds whole chats to the list. */
  async add(chats: readonly ChatRecord[]): Promise<void> {
    await this.#store?.put(chats);
    await this.#refresh();
  }

  /** Whole chats: one, or all of them. */
  async records(id?: string): Promise<ChatRecord[]> {
    await this.flush();
    const ids = id === undefined ? this.chats.map((chat) => chat.id) : [id];
    const store = this.#store;
    const records = store ? await Promise.all(ids.map((each) => store.chat(each))) : [];
    return records.filter((record) => record !== undefined);
  }

  /** Ids of the chats that have these words somewhere. */
  async search(words: string): Promise<ReadonlySet<string>> {
    return (await this.#store?.search(words)) ?? new Set();
  }

  async #remove(store: ChatStore, id: string): Promise<void> {
    const deleted = store.delete(id);
    const { [id]: _draft, ...others } = this.#drafts();
    writePreference(this.#key('drafts'), Object.keys(others).length === 0 ? undefined : others);
    this.chats = this.chats.filter((chat) => chat.id !== id);
    this.#events.changed();
    await deleted;
  }

  #enter(id: string | undefined, turns: readonly StoredTurn[]): void {
    this.#setCurrent(id);
    this.#saved = new Map(turns.map((turn) => [turn.id, turn]));
    this.#latest = { turns, model: '' };
    this.#events.opened(turns, this.draft);
    this.#events.changed();
  }

  #setCurrent(id: string | undefined): void {
    this.current = id;
    keepSessionValue(this.#key('open'), id);
  }

  async #onForeignChange(chat: string): Promise<void> {
    await this.#refresh();
    if (chat !== this.current) return;
    // An answer that is being written here goes on; what came from elsewhere is seen when the chat is opened again.
    const writing = this.#latest.turns.at(-1)?.status;
    if (writing === 'queued' || writing === 'reading' || writing === 'writing') return;
    if (this.chats.some(({ id }) => id === chat)) await this.open(chat);
    else this.#enter(undefined, []);
  }

  async #refresh(): Promise<void> {
    try {
      this.chats = (await this.#store?.list()) ?? [];
    } catch {
      this.#giveUp();
    }
    this.#events.changed();
  }

  /** The browser has closed the database, or its disk is full: from now on nothing is kept. */
  #giveUp(): void {
    this.#store = undefined;
    this.available = false;
    this.#events.changed();
  }

  #drafts(): Record<string, unknown> {
    const drafts = readPreference(this.#key('drafts'));
    return typeof drafts === 'object' && drafts !== null ? (drafts as Record<string, unknown>) : {};
  }

  #key(what: string): string {
    return `bamba-chat:${what}${this.#list === '' ? '' : `:${this.#list}`}`;
  }
}

function sessionValue(key: string): string | null {
  try {
    return sessionStorage.getItem(key);
  } catch {
    return null;
  }
}

function keepSessionValue(key: string, value: string | undefined): void {
  try {
    if (value === undefined) sessionStorage.removeItem(key);
    else sessionStorage.setItem(key, value);
  } catch {
    // Refused: a page that is loaded again begins with a new chat.
  }
}
