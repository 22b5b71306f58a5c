// Chats in IndexedDB. A turn is a record of its own, so that an answer to a chat of thousands of turns writes one of them.

import { openDB, type DBSchema, type IDBPDatabase } from 'idb';
import type { ChatRecord, ChatSummary, StoredTurn } from './chat-record.ts';

interface Schema extends DBSchema {
  chats: { key: string; value: ChatSummary };
  /** By [chat, id of the turn]: in the order in which they were asked. */
  turns: { key: [string, number]; value: StoredTurn };
}

const VERSION = 1;

/** The chats of one list. All methods reject where the browser closes the database. */
export class ChatStore {
  readonly #db: IDBPDatabase<Schema>;
  readonly #channel: BroadcastChannel;

  private constructor(db: IDBPDatabase<Schema>, channel: BroadcastChannel) {
    this.#db = db;
    this.#channel = channel;
  }

  /**
   * @param list name of the list
   * @param onForeignChange called when another tab, or another element of this page, has changed a chat
   */
  static async open(list: string, onForeignChange: (chat: string) => void): Promise<ChatStore> {
    const name = list === '' ? 'bamba-chat' : `bamba-chat ${list}`;
    const db = await openDB<Schema>(name, VERSION, {
      upgrade(database) {
        database.createObjectStore('chats', { keyPath: 'id' });
        database.createObjectStore('turns');
      },
      // A newer version of the page waits for this one to let go.
      blocking: (_current, _blocked, event) => (event.target as IDBDatabase).close(),
    });
    const channel = new BroadcastChannel(name);
    channel.addEventListener('message', (event: MessageEvent<string>) => onForeignChange(event.data));
    return new ChatStore(db, channel);
  }

  /** All chats, the one that was changed last first. */
  async list(): Promise<ChatSummary[]> {
    const chats = await this.#db.getAll('chats');
    return chats.toSorted((one, other) => other.updatedAt - one.updatedAt);
  }

  /** The turns of a chat; none where it does not exist. */
  async turns(chat: string): Promise<StoredTurn[]> {
    return this.#db.getAll('turns', rangeOf(chat));
  }

  /** A whole chat. */
  async chat(id: string): Promise<ChatRecord | undefined> {
    const transaction = this.#db.transaction(['chats', 'turns']);
    const [summary, turns] = await Promise.all([
      transaction.objectStore('chats').get(id),
      transaction.objectStore('turns').getAll(rangeOf(id)),
    ]);
    return summary && { ...summary, turns };
  }

  /** Writes what has changed of a chat, in one transaction. */
  async save(summary: ChatSummary, changed: readonly StoredTurn[], removed: readonly number[] = []): Promise<void> {
    const transaction = this.#db.transaction(['chats', 'turns'], 'readwrite');
    const turns = transaction.objectStore('turns');
    const written = [
      transaction.objectStore('chats').put(summary),
      ...removed.map((id) => turns.delete([summary.id, id])),
      ...changed.map((turn) => turns.put(turn, [summary.id, turn.id])),
    ];
    // Committed without waiting for the page to hear of each, which it may not live to do.
    transaction.commit();
    await Promise.all([...written, transaction.done]);
    this.#tell(summary.id);
  }

  /** Writes whole chats. */
  async put(chats: readonly ChatRecord[]): Promise<void> {
    for (const { turns, ...summary } of chats) await this.save(summary, turns);
  }

  /** Removes a chat. */
  async delete(id: string): Promise<void> {
    const transaction = this.#db.transaction(['chats', 'turns'], 'readwrite');
    await Promise.all([
      transaction.objectStore('chats').delete(id),
      transaction.objectStore('turns').delete(rangeOf(id)),
      transaction.done,
    ]);
    this.#tell(id);
  }

  /** Ids of the chats that have these words in their title, a question or an answer; capitals do not matter. */
  async search(words: string): Promise<Set<string>> {
    const needle = words.trim().toLowerCase();
    const has = (text: string): boolean => text.toLowerCase().includes(needle);
    const found = new Set<string>();
    for (const { id, title } of await this.#db.getAll('chats')) if (has(title)) found.add(id);
    // A cursor: chats may be more than should lie in memory at once.
    const { store } = this.#db.transaction('turns');
    for (let cursor = await store.openCursor(); cursor;) {
      const [chat] = cursor.key;
      const hit = !found.has(chat) && (has(cursor.value.question) || has(cursor.value.answer));
      if (hit) found.add(chat);
      // A chat that is found needs no further look.
      cursor = found.has(chat) ? await cursor.continue([chat, Infinity]) : await cursor.continue();
    }
    return found;
  }

  close(): void {
    this.#channel.close();
    this.#db.close();
  }

  #tell(chat: string): void {
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a channel has no target, as a window has
    this.#channel.postMessage(chat);
  }
}

/** All keys [chat, ...]: in IndexedDB's order an array comes after every number. */
function rangeOf(chat: string): IDBKeyRange {
  return IDBKeyRange.bound([chat], [chat, []]);
}
