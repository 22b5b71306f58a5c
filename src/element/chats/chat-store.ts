// Chats in IndexedDB. A turn is a record of its own, so that an answer to a chat of thousands of turns writes one of them.
//
// Several tabs write to one chat. A turn has one writer, the tab that asked it, under a key that no other tab gives. So the
// writes of several tabs add up, in the order of their keys. All tabs share the chat's own record. It is read and written in
// one transaction, and its revision says whether another tab has written since.

import type { OwnSettings } from '../settings/own-settings.ts';
import { readChat, readTurn, type ChatRecord, type ChatSummary, type LoadedChat } from './chat-record.ts';
import type { ChatDetails, StoredTurn } from './chat-record.ts';
import { ChatDatabase, type DatabaseTiming, quiet } from './chat-database.ts';
import type { ChatTransaction, KeptChat } from './chat-schema.ts';
import { copyOf, sameTurns } from './copies.ts';
import { findUnreadable, searchChats, type RawRecord } from './chat-search.ts';
import type { TurnId } from './ids.ts';

/** The changes to write of a chat. */
export interface ChatChange {
  readonly id: string;
  /** The chat is not in the database yet, as far as is known here. */
  readonly create: boolean;
  /** The last revision that is known here. */
  readonly revision: number;
  /** For a chat that is new. */
  readonly title: string;
  readonly createdAt: number;
  /** Name of the model that answers; empty where nobody does. */
  readonly model: string;
  readonly changed: readonly StoredTurn[];
  readonly removed: readonly TurnId[];
  /** The turn that is shown of several versions; undefined where it stays as it is. */
  readonly tip: TurnId | undefined;
  /** Settings of its own; null for none any longer, undefined where they stay as they are. */
  readonly own: OwnSettings | null | undefined;
  /** The whole chat is wanted back, whoever has changed it. */
  readonly reread: boolean;
}

/** How writing ended. `gone`: another tab has deleted the chat, and nothing was written. */
export type SaveOutcome =
  | { readonly kind: 'saved'; readonly revision: number; readonly summary: ChatSummary; readonly chat?: LoadedChat }
  | { readonly kind: 'emptied' | 'gone' };

/** A chat that was deleted, with all that is needed to bring it back. */
export interface DeletedChat {
  readonly id: string;
  readonly title: string;
  /** Its records as they were, also those that cannot be read. */
  readonly records: { readonly chat: KeptChat; readonly turns: readonly (readonly [[string, TurnId], unknown])[] };
}

/** The list, and how many records of chats cannot be read. */
export interface KeptChats {
  readonly chats: ChatSummary[];
  readonly unreadable: number;
}

/**
 * The chats of one list. All methods reject with BambaError `storage_full` or `storage_unavailable` where the database
 * fails, and end within its deadline.
 */
export class ChatStore {
  readonly #database: ChatDatabase;
  readonly #channel: BroadcastChannel;
  #lastChange = 0;

  /**
   * @param list name of the list
   * @param onForeignChange called when another tab, or another element of this page, has changed a chat
   * @param timing how long the database may take
   */
  constructor(list: string, onForeignChange: (chat: string) => void, timing?: Partial<DatabaseTiming>) {
    const name = list === '' ? 'bamba-chat' : `bamba-chat ${list}`;
    this.#database = new ChatDatabase(name, timing);
    this.#channel = new BroadcastChannel(name);
    this.#channel.addEventListener('message', ({ data }: MessageEvent<unknown>) => {
      if (typeof data === 'string') onForeignChange(data);
    });
  }

  /** All chats, the one that was changed last first. */
  async list(): Promise<KeptChats> {
    const [values, deleted] = await this.#database.run('readonly', (transaction) =>
      Promise.all([
        quiet(transaction.objectStore('chats').getAll()),
        quiet(transaction.objectStore('deleted').getAllKeys()),
      ]),
    );
    const gone = new Set(deleted);
    const kept = values.filter(({ id }) => !gone.has(id)).map((value) => readChat(value)?.summary);
    const chats = kept.filter((chat) => chat !== undefined);
    return {
      chats: chats.toSorted((one, other) => other.updatedAt - one.updatedAt),
      unreadable: kept.length - chats.length,
    };
  }

  /** A whole chat; undefined where it does not exist. */
  async chat(id: string): Promise<LoadedChat | undefined> {
    return this.#database.run('readonly', (transaction) => loadChat(transaction, id));
  }

  /** Writes what has changed of a chat, unless another tab has deleted it. Not repeated here: a later one says more. */
  async save(change: ChatChange): Promise<SaveOutcome> {
    const outcome = await this.#database.run(
      'readwrite',
      (transaction) => saveChat(transaction, change, this.#now()),
      false,
    );
    if (outcome.kind !== 'gone') this.#tell(change.id);
    return outcome;
  }

  /**
   * Writes turns without asking whether the chat still exists, for a page that is being closed: it would not live to
   * hear the reply. Turns of a deleted chat stay unseen.
   *
   * @returns false where nothing is written, because the database is not open
   */
  saveAtOnce({ id, create, title, createdAt, model, changed, removed, tip, own }: ChatChange): boolean {
    const transaction = this.#database.begin();
    if (!transaction) return false;
    const turns = transaction.objectStore('turns');
    for (const turn of changed) void quiet(turns.put(turn, [id, turn.id]));
    for (const turn of removed) void quiet(turns.delete([id, turn]));
    // Of a chat that nobody else can know yet, nobody else can have changed the record.
    const kept = { ...(tip !== undefined && { tip }), ...(own && { own }) };
    const record = { id, title, createdAt, updatedAt: this.#now(), model, revision: 1, ...kept };
    if (create && changed.length > 0) void quiet(transaction.objectStore('chats').put(record));
    transaction.commit();
    return true;
  }

  /** Changes what the list says of a chat. False where it does not exist any longer. */
  async label(id: string, { title, pinned }: { title?: string; pinned?: boolean }): Promise<boolean> {
    const changed = await this.#database.run('readwrite', async (transaction) => {
      const chats = transaction.objectStore('chats');
      const record = await chats.get(id);
      if (!record) return false;
      const { pinned: before, ...others } = record;
      const pin = pinned ?? before === true;
      const revision = (readChat(record)?.revision ?? 0) + 1;
      await chats.put({ ...others, ...(title !== undefined && { title }), ...(pin && { pinned: true }), revision });
      return true;
    });
    if (changed) this.#tell(id);
    return changed;
  }

  /** Removes a chat, for every tab. Returns what was removed; undefined where it did not exist any longer. */
  async delete(id: string): Promise<DeletedChat | undefined> {
    let removed: DeletedChat | undefined;
    await this.#database.run('readwrite', async (transaction) => {
      const chats = transaction.objectStore('chats');
      const turns = transaction.objectStore('turns');
      const [chat, keys, values] = await Promise.all([
        quiet(chats.get(id)),
        quiet(turns.getAllKeys(rangeOf(id))),
        quiet(turns.getAll(rangeOf(id))),
      ]);
      // Where this is done a second time, because nobody said that the first was done, nothing is left to be read.
      if (chat) {
        const records = { chat, turns: keys.map((key, i) => [key, values[i]] as const) };
        removed = { id, title: readChat(chat)?.summary.title ?? 'Chat', records };
      }
      await Promise.all([
        quiet(transaction.objectStore('deleted').put(Date.now(), id)),
        quiet(chats.delete(id)),
        quiet(turns.delete(rangeOf(id))),
      ]);
    });
    this.#tell(id);
    return removed;
  }

  /** Brings a chat back as it was. */
  async restore({ id, records }: DeletedChat): Promise<void> {
    await this.#database.run('readwrite', async (transaction, beat) => {
      const turns = transaction.objectStore('turns');
      const revision = (readChat(records.chat)?.revision ?? 0) + 1;
      await Promise.all([
        quiet(transaction.objectStore('deleted').delete(id)),
        quiet(transaction.objectStore('chats').put({ ...records.chat, revision })),
        ...records.turns.map(([key, value]) => quiet(turns.put(value, key).then(beat))),
      ]);
    });
    this.#tell(id);
  }

  /**
   * Adds whole chats, all or none of them. A chat with a known id and the same turns is not added again. With other turns it
   * becomes a chat of its own.
   *
   * @returns how many were added
   */
  async add(chats: readonly ChatRecord[]): Promise<number> {
    const added = new Set<string>();
    await this.#database.run('readwrite', async (transaction, beat) => {
      for (const chat of chats) {
        const id = await addChat(transaction, chat, beat);
        if (id !== undefined) added.add(id);
      }
    });
    for (const id of added) this.#tell(id);
    return added.size;
  }

  /** Ids of the chats that have these words in their title, a question or an answer; capitals do not matter. */
  async search(words: string): Promise<Set<string>> {
    return this.#database.run('readonly', (transaction, beat) => searchChats(transaction, words, beat));
  }

  /** All records that cannot be read, as they are. */
  async unreadable(): Promise<RawRecord[]> {
    return this.#database.run('readonly', findUnreadable);
  }

  close(): void {
    this.#channel.close();
    this.#database.close();
  }

  /** The time, but never the same twice: the list is in the order of changes, however fast they come. */
  #now(): number {
    this.#lastChange = Math.max(Date.now(), this.#lastChange + 1);
    return this.#lastChange;
  }

  #tell(chat: string): void {
    try {
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a channel has no target, as a window has
      this.#channel.postMessage(chat);
    } catch {
      // Closed: what was written in the end is seen by other tabs when they read the list again.
    }
  }
}

async function loadChat<Mode extends IDBTransactionMode>(
  transaction: ChatTransaction<Mode>,
  id: string,
): Promise<LoadedChat | undefined> {
  const turns = transaction.objectStore('turns');
  const [record, tombstone, keys, values] = await Promise.all([
    quiet(transaction.objectStore('chats').get(id)),
    quiet(transaction.objectStore('deleted').get(id)),
    quiet(turns.getAllKeys(rangeOf(id))),
    quiet(turns.getAll(rangeOf(id))),
  ]);
  const chat = tombstone === undefined ? readChat(record) : undefined;
  if (!chat) return undefined;
  const read = keys.map(([, turn], index) => readTurn(turn, values[index])).filter((turn) => turn !== undefined);
  const { summary, details, revision } = chat;
  return { ...summary, ...details, turns: read, revision, unreadable: keys.length - read.length };
}

async function saveChat(
  transaction: ChatTransaction<'readwrite'>,
  change: ChatChange,
  now: number,
): Promise<SaveOutcome> {
  const { id, changed, removed } = change;
  const chats = transaction.objectStore('chats');
  const turns = transaction.objectStore('turns');
  const deleted = transaction.objectStore('deleted');
  const [record, tombstone] = await Promise.all([quiet(chats.get(id)), quiet(deleted.get(id))]);
  if (tombstone !== undefined || (!record && !change.create)) return { kind: 'gone' };
  const known = record && readChat(record);
  const write = (): Promise<unknown>[] => [
    ...removed.map((turn) => quiet(turns.delete([id, turn]))),
    ...changed.map((turn) => quiet(turns.put(turn, [id, turn.id]))),
  ];
  if (removed.length > 0 && changed.length === 0) {
    // The only question was taken back: the chat goes with it, unless another tab has asked one.
    await Promise.all(write());
    if ((await turns.count(rangeOf(id))) === 0) {
      await Promise.all([quiet(chats.delete(id)), quiet(deleted.put(now, id))]);
      return { kind: 'emptied' };
    }
  }
  const revision = (known?.revision ?? 0) + 1;
  const summary: ChatSummary = {
    id,
    title: known?.summary.title ?? change.title,
    createdAt: known?.summary.createdAt ?? change.createdAt,
    // A look at another version does not change the chat.
    updatedAt: changed.length === 0 && removed.length === 0 && known ? known.summary.updatedAt : now,
    model: change.model || (known?.summary.model ?? ''),
    ...(known?.summary.pinned && { pinned: true }),
  };
  const tip = change.tip ?? known?.details.tip;
  const own = change.own === undefined ? known?.details.own : change.own;
  const details: ChatDetails = { ...(tip !== undefined && { tip }), ...(own && { own }) };
  const written = [quiet(chats.put({ ...summary, ...details, revision })), ...write()];
  const foreign = change.reread || (known !== undefined && known.revision !== change.revision);
  const chat = foreign ? quiet(loadChat(transaction, id)) : undefined;
  // Committed without waiting for the page to hear of each, which it may not live to do.
  transaction.commit();
  await Promise.all(written);
  const whole = await chat;
  return { kind: 'saved', revision, summary, ...(whole && { chat: whole }) };
}

/** Adds a chat under its own id, or another that depends on nothing else. Returns it; undefined for one that is there. */
async function addChat(
  transaction: ChatTransaction<'readwrite'>,
  chat: ChatRecord,
  beat: () => void,
): Promise<string | undefined> {
  for (let copy = 1; ; copy++) {
    const id = copyOf(chat.id, copy);
    const there = await loadChat(transaction, id);
    beat();
    if (there && sameTurns(there.turns, chat.turns)) return undefined;
    if (there) continue;
    const { turns, ...summary } = chat;
    const store = transaction.objectStore('turns');
    await Promise.all([
      quiet(transaction.objectStore('deleted').delete(id)),
      quiet(transaction.objectStore('chats').put({ ...summary, id, revision: 1 })),
      ...turns.map((turn) => quiet(store.put(turn, [id, turn.id]).then(beat))),
    ]);
    return id;
  }
}

/** All keys [chat, ...]: in IndexedDB's order an array comes after every number and every text. */
function rangeOf(chat: string): IDBKeyRange {
  return IDBKeyRange.bound([chat], [chat, []]);
}
