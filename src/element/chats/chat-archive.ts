// The list of chats, and which of them is open: saves what changes, keeps drafts, hears of other tabs. Where the browser
// keeps nothing (a private window, blocked storage), the open chat works the same and is forgotten with the page.

import type { BambaError } from '../../errors.ts';
import type { Turn } from '../conversation.ts';
import type { OwnSettings } from '../settings/own-settings.ts';
import type { DatabaseTiming } from './chat-database.ts';
import { ChatList } from './chat-list.ts';
import { oneLine, type ChatRecord, type ChatSummary, type LoadedChat } from './chat-record.ts';
import { ChatStore, type DeletedChat, type SaveOutcome } from './chat-store.ts';
import { ChatWriter } from './chat-writer.ts';
import { Drafts, readSession, writeSession } from './drafts.ts';
import type { TurnId } from './ids.ts';
import { LeftOver } from './left-over.ts';

/** Events from the archive to the chat. */
export interface ArchiveEvents {
  /** The list, or what is open, has changed. */
  changed(): void;
  /**
   * These are the turns of what is open: of another chat, with its `draft`; or of the same, because it was changed
   * elsewhere. Then `draft` is undefined, and what is being typed stays. `tip` is one of the turns that are shown, where
   * some have several versions.
   */
  opened(turns: readonly Turn[], draft: string | undefined, tip: TurnId | undefined): void;
  /** A chat was deleted here: what is kept of it elsewhere goes, too. */
  deleted?(id: string): void;
}

/** A chat that another tab has deleted. */
type GoneChat = Readonly<Pick<ChatWriter, 'turns' | 'tip' | 'own'>> & { readonly title: string };

/** The chats of one list. */
export class ChatArchive {
  /** The chat that was deleted last, until something else happens: it can come back. */
  deleted: DeletedChat | undefined;
  /** A chat that was open here when another tab deleted it, until somebody says what is to become of it. */
  gone: GoneChat | undefined;
  /** Somebody has asked for a chat that is not in the list. */
  missing = false;
  readonly #events: ArchiveEvents;
  readonly #timing: Partial<DatabaseTiming> | undefined;
  readonly #list = new ChatList({
    store: () => this.#store,
    changed: () => this.#events.changed(),
    retry: () => void this.tryAgain(),
  });
  #name = '';
  #drafts: Drafts | undefined;
  #leftOver: LeftOver | undefined;
  #store: ChatStore | undefined;
  #writer: ChatWriter;
  /** Chats that were open before, and are not saved yet. */
  readonly #others = new Set<ChatWriter>();
  /** Changes of any chat that were heard of, or made here: what was read before the last of them may lack it. */
  #changes = 0;

  /**
   * @param events where changes are reported
   * @param timing how long the database may take
   */
  constructor(events: ArchiveEvents, timing?: Partial<DatabaseTiming>) {
    this.#events = events;
    this.#timing = timing;
    this.#writer = this.#newWriter();
  }

  /** The chat that was changed last first. */
  get chats(): readonly ChatSummary[] {
    return this.#list.chats;
  }

  /** False where the browser keeps nothing, and before it is known. */
  get available(): boolean {
    return this.#list.available;
  }

  /** Why the list is not what is kept. */
  get trouble(): BambaError | undefined {
    return this.#list.trouble;
  }

  /** Of the chat that is open; undefined for a new one. */
  get current(): string | undefined {
    return this.#writer.id;
  }

  /** Why something that was said is not saved; undefined while everything is, or is about to be. */
  get unsaved(): BambaError | undefined {
    if (!this.#drafts) return undefined;
    return [this.#writer, ...this.#others].find(({ fault }) => fault)?.fault;
  }

  /** Records that cannot be read: of the list, and of the chat that is open. */
  get unreadable(): number {
    return this.#list.unreadable + this.#writer.unreadable;
  }

  /**
   * Opens a list, and a chat of it.
   *
   * @param wanted id of the chat; undefined for the one that this tab had open before it was loaded again
   */
  async connect(list: string, wanted?: string): Promise<void> {
    this.disconnect();
    const isOther = list !== this.#name;
    this.#name = list;
    // An element without a list keeps no drafts either.
    this.#drafts = new Drafts(this.#key('drafts'));
    const store = this.#openStore(list);
    if (!store) return; // The browser has no database: see above.
    this.#store = store;
    this.#leftOver = new LeftOver(this.#key('left-over'));
    if (isOther) this.#forgetOthers();
    await this.#leftOver.save(store);
    await this.#list.read();
    if (this.#store !== store) return;
    const before = wanted ?? readSession(this.#key('open'));
    // A person who has begun to ask is not taken to another chat.
    if (this.current !== undefined || this.#writer.turns.length > 0) await this.flush();
    else if (before !== null && this.#list.find(before)) await this.open(before);
    else this.#events.opened([], this.draft, undefined);
  }

  /** Saves what is not saved, and lets go of the database. */
  disconnect(): void {
    const store = this.#store;
    void this.flush().then(() => store?.close());
    this.#store = undefined;
    this.#drafts = undefined;
    this.#list.close();
  }

  /** Text that was typed and not sent, in the chat that is open. */
  get draft(): string {
    return this.#drafts?.get(this.current ?? '') ?? '';
  }

  set draft(text: string) {
    this.#drafts?.set(this.current ?? '', text);
  }

  /** Settings of the chat that is open, for it alone; undefined where it has none. */
  get own(): OwnSettings | undefined {
    return this.#writer.own;
  }

  set own(own: OwnSettings | undefined) {
    this.#writer.own = own;
    void this.#writer.flush();
    this.#events.changed();
  }

  /** Opens a chat of the list. Where it cannot be read, `trouble` says why, and what is open stays open. */
  async open(id: string): Promise<void> {
    await this.flush();
    const there = this.#writerOf(id);
    if (there) return this.#reenter(there);
    const changes = this.#changes;
    let chat: LoadedChat | undefined;
    try {
      chat = await this.#store?.chat(id);
    } catch (error) {
      this.#list.fail(error);
      return;
    }
    // Meanwhile it may have been opened by another click, and asked in.
    const meanwhile = this.#writerOf(id);
    if (meanwhile) return this.#reenter(meanwhile);
    const writer = this.#newWriter(chat);
    this.#enter(writer);
    // It was deleted elsewhere, and nobody has said so.
    if (!chat) await this.#list.read();
    else if (changes !== this.#changes) await this.#readAgain(writer);
  }

  /** Begins a new chat; it joins the list with its first question. */
  begin(): void {
    void this.flush();
    this.#enter(this.#newWriter());
  }

  /**
   * Notes the turns of the open chat as they are now, to be saved: at once, or a while later when they are `streaming`.
   *
   * @param turns all versions of all turns
   * @param model name of the model that answers
   * @param tip one of the turns that are shown; undefined where nobody has chosen among versions
   */
  note(turns: readonly Turn[], model: string, streaming: boolean, tip?: TurnId): void {
    const writer = this.#writer;
    writer.note(turns, model, streaming, tip);
    if (turns.length > 0 || writer.id === undefined || writer.gone) return;
    // Its only question was taken back: the next one begins another chat.
    this.#setAside(writer);
    this.#writer = this.#newWriter();
    this.#remember();
    this.#list.remove(writer.id);
  }

  /** Saves what has changed. Resolves when that has ended, well or not: `unsaved` says how. */
  async flush(): Promise<void> {
    await Promise.all([this.#writer, ...this.#others].map((writer) => writer.flush()));
  }

  /** Saves what has changed without waiting for anything, for a page that is being closed. */
  leave(): void {
    const changes = [this.#writer, ...this.#others].map((writer) => writer.leave());
    this.#leftOver?.keep(changes.filter((change) => change !== undefined));
  }

  /** Tries again what has failed: to read the list, to save. */
  async tryAgain(): Promise<void> {
    await Promise.all([this.#readList(), this.flush()]);
  }

  /**
   * Gives a chat another title.
   *
   * @throws BambaError `storage_full`, `storage_unavailable`; then it has the title it had
   */
  async rename(id: string, title: string): Promise<void> {
    const chat = this.#list.find(id);
    const line = oneLine(title);
    if (!chat || line === '' || line === chat.title) return;
    await this.#list.relabel(chat, { ...chat, title: line });
  }

  /**
   * Has a chat stand before all others, or not any longer.
   *
   * @throws BambaError `storage_full`, `storage_unavailable`; then it stands where it stood
   */
  async pin(id: string, pinned: boolean): Promise<void> {
    const chat = this.#list.find(id);
    if (!chat || (chat.pinned ?? false) === pinned) return;
    const { pinned: _pinned, ...others } = chat;
    await this.#list.relabel(chat, pinned ? { ...others, pinned } : others);
  }

  /**
   * Deletes a chat; until something else is deleted, `undo` brings it back.
   *
   * @throws BambaError `storage_full`, `storage_unavailable`; then it is still there
   */
  async delete(id: string): Promise<void> {
    await this.flush();
    const store = this.#store;
    if (!store) return;
    this.deleted = await store.delete(id);
    this.#events.deleted?.(id);
    this.#drafts?.delete(id);
    for (const writer of this.#others) if (writer.id === id) this.#forget(writer);
    if (this.current === id) this.#leaveDeleted();
    this.#list.remove(id);
  }

  /**
   * Brings back the chat that was deleted last.
   *
   * @throws BambaError `storage_full`, `storage_unavailable`; then it can still be brought back
   */
  async undo(): Promise<void> {
    const { deleted } = this;
    if (!deleted) return;
    await this.#store?.restore(deleted);
    if (this.deleted === deleted) this.deleted = undefined;
    await this.#readList();
  }

  /** Forgets the chat that was deleted last. */
  dismissDeleted(): void {
    this.deleted = undefined;
    this.#events.changed();
  }

  /** Keeps what was open when another tab deleted it, as a new chat. */
  keepGone(): void {
    const { gone } = this;
    if (!gone) return;
    this.gone = undefined;
    if (this.#writer.gone) this.#writer.renew();
    else {
      this.begin();
      this.#writer.title = gone.title;
      this.#writer.own = gone.own;
      this.#events.opened(gone.turns, undefined, gone.tip);
      this.#writer.note(gone.turns, '', false, gone.tip);
    }
    this.#events.changed();
  }

  /** Says that a chat that was asked for is not in the list; until another one is opened, or that is dismissed. */
  reportMissing(missing = true): void {
    this.missing = missing;
    this.#events.changed();
  }

  /** Lets go of it. */
  dismissGone(): void {
    this.gone = undefined;
    if (this.#writer.gone) this.begin();
    else this.#events.changed();
  }

  /**
   * Adds whole chats to the list, all or none of them, but for those that are there already.
   *
   * @returns how many were added
   * @throws BambaError `storage_full`, `storage_unavailable`; then none was added
   */
  async add(chats: readonly ChatRecord[]): Promise<number> {
    const added = (await this.#store?.add(chats)) ?? 0;
    await this.#readList();
    return added;
  }

  /**
   * Whole chats: one, or all of them.
   *
   * @throws BambaError `storage_unavailable`
   */
  async records(id?: string): Promise<ChatRecord[]> {
    await this.flush();
    const ids = id === undefined ? this.chats.map((chat) => chat.id) : [id];
    const records: (LoadedChat | undefined)[] = [];
    for (const each of ids) records.push(await this.#store?.chat(each));
    return records
      .filter((record) => record !== undefined)
      .map(({ revision: _revision, unreadable: _unreadable, ...chat }) => chat);
  }

  /**
   * The records that cannot be read, as they are.
   *
   * @throws BambaError `storage_unavailable`
   */
  async unreadableRecords(): Promise<unknown[]> {
    return (await this.#store?.unreadable()) ?? [];
  }

  /**
   * Ids of the chats that have these words somewhere.
   *
   * @throws BambaError `storage_unavailable`
   */
  async search(words: string): Promise<ReadonlySet<string>> {
    return (await this.#store?.search(words)) ?? new Set();
  }

  #openStore(list: string): ChatStore | undefined {
    try {
      if (typeof indexedDB === 'undefined') return undefined;
      return new ChatStore(list, (chat) => void this.#onForeignChange(chat), this.#timing);
    } catch {
      return undefined; // A sandboxed frame refuses even to look.
    }
  }

  #newWriter(chat?: LoadedChat): ChatWriter {
    const writer = new ChatWriter(
      {
        store: () => this.#store,
        named: () => this.#onNamed(writer),
        writing: (summary, isNew) => this.#onWriting(summary, isNew),
        written: (outcome, changed) => this.#onWritten(writer, outcome, changed),
      },
      chat,
    );
    return writer;
  }

  /** A chat has one writer in a tab: of two, neither would show what the other one writes. */
  #writerOf(id: string): ChatWriter | undefined {
    return [this.#writer, ...this.#others].find((writer) => writer.id === id);
  }

  async #reenter(writer: ChatWriter): Promise<void> {
    this.#enter(writer);
    this.#reviveOpen();
    await this.#readAgain(writer);
  }

  async #readAgain(writer: ChatWriter): Promise<void> {
    writer.hear();
    await writer.flush();
  }

  async #readList(): Promise<void> {
    await this.#list.read();
    this.#reviveOpen();
  }

  /** What is open was deleted elsewhere, and may have come back. */
  #reviveOpen(): void {
    const writer = this.#writer;
    if (!writer.gone || !this.#list.find(writer.id)) return;
    writer.revive();
    if (this.gone?.turns === writer.turns) this.gone = undefined;
    void writer.flush();
  }

  /** Makes a chat the one that is open. */
  #enter(writer: ChatWriter): void {
    this.missing = false;
    this.#setAside(this.#writer);
    this.#others.delete(writer);
    this.#writer = writer;
    this.#remember();
    this.#events.opened(writer.turns, this.draft, writer.tip);
    this.#events.changed();
  }

  /** Chats of another list do not move into this one. */
  #forgetOthers(): void {
    for (const writer of this.#others) this.#forget(writer);
    if (this.current === undefined) return;
    this.#writer.stop();
    this.#enter(this.#newWriter());
  }

  #setAside(writer: ChatWriter): void {
    if (writer.id !== undefined && !writer.settled) this.#others.add(writer);
  }

  #forget(writer: ChatWriter): void {
    writer.stop();
    this.#others.delete(writer);
  }

  #leaveDeleted(): void {
    this.#writer.stop();
    this.#enter(this.#newWriter());
  }

  #remember(): void {
    writeSession(this.#key('open'), this.current);
  }

  #onNamed(writer: ChatWriter): void {
    if (writer !== this.#writer) return;
    this.missing = false;
    // The text that was typed for the new chat belongs to it from now on.
    this.#drafts?.set('', '');
    this.#remember();
  }

  #onWriting(summary: ChatSummary, isNew: boolean): void {
    const known = this.#list.find(summary.id);
    if (!known && !isNew) return;
    // The known record of a chat may be newer than its writer's.
    this.#list.put({
      ...summary,
      ...known,
      updatedAt: summary.updatedAt,
      model: summary.model || (known?.model ?? ''),
    });
  }

  #onWritten(writer: ChatWriter, outcome: SaveOutcome | undefined, changed: boolean): void {
    if (outcome) this.#changes++;
    if (writer !== this.#writer && writer.settled) this.#others.delete(writer);
    if (outcome?.kind === 'gone') this.#onGone(writer);
    // Of a chat that has nothing left, the end is under way.
    if (outcome?.kind === 'saved' && writer.turns.length > 0) {
      this.#list.put(outcome.summary);
      if (changed && writer === this.#writer) this.#events.opened(writer.turns, undefined, writer.tip);
    }
    this.#events.changed();
  }

  #onGone(writer: ChatWriter): void {
    const title = this.#list.find(writer.id)?.title ?? writer.title ?? 'Chat';
    this.#list.remove(writer.id);
    this.#others.delete(writer);
    if (writer.turns.length > 0) this.gone = { title, turns: writer.turns, tip: writer.tip, own: writer.own };
    // The saved turns were deleted elsewhere, and are not shown any longer. Unsaved ones stay in sight.
    if (writer !== this.#writer || writer.unsaved) return;
    this.#writer = this.#newWriter();
    this.#remember();
    this.#events.opened([], undefined, undefined);
  }

  async #onForeignChange(chat: string): Promise<void> {
    this.#changes++;
    this.#writerOf(chat)?.hear();
    await this.#readList();
    await this.#writerOf(chat)?.flush();
  }

  #key(what: string): string {
    return `bamba-chat:${what}${this.#name === '' ? '' : `:${this.#name}`}`;
  }
}
