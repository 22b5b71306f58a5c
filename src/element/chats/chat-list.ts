// The chats as the list shows them. They are read from the database, and this tab changes them at once. A failed read is
// tried again until it succeeds.

import { asBambaError, type BambaError } from '../../errors.ts';
import type { ChatSummary } from './chat-record.ts';
import type { ChatStore } from './chat-store.ts';

/** While the list cannot be read, it is tried again so often, in milliseconds. */
const RETRY_MS = 5000;

/** The parts of the archive that a list needs. */
export interface ListHost {
  /** Where the chats are; undefined where nothing is kept. */
  store(): ChatStore | undefined;
  /** The list has changed. */
  changed(): void;
  /** It is time to try again. */
  retry(): void;
}

/** The list of chats. */
export class ChatList {
  /** The chat that was changed last first. */
  chats: readonly ChatSummary[] = [];
  /** The list was read at least once, or it is known why it cannot be. */
  available = false;
  /** Why the list is not what is kept. */
  trouble: BambaError | undefined;
  /** Chats that cannot be read; they stay where they are. */
  unreadable = 0;
  readonly #host: ListHost;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #reading: Promise<void> = Promise.resolve();
  #next: Promise<void> | undefined;

  constructor(host: ListHost) {
    this.#host = host;
  }

  find(id: string | undefined): ChatSummary | undefined {
    return this.chats.find((chat) => chat.id === id);
  }

  /** Has a chat in the list as it is now, whether it was there or not. */
  put({ id, title, createdAt, updatedAt, model, pinned }: ChatSummary): void {
    const others = this.chats.filter((chat) => chat.id !== id);
    const all = [{ id, title, createdAt, updatedAt, model, ...(pinned && { pinned }) }, ...others];
    this.chats = all.toSorted((one, other) => other.updatedAt - one.updatedAt);
    this.#host.changed();
  }

  /**
   * Shows a change of title or pin at once; what cannot be kept is taken back.
   *
   * @throws BambaError `storage_full`, `storage_unavailable`
   */
  async relabel(before: ChatSummary, after: ChatSummary): Promise<void> {
    const { id, title, pinned = false } = after;
    this.put(after);
    try {
      // Another tab may have changed a chat that is the same here.
      await this.#host.store()?.label(id, {
        ...(title !== before.title && { title }),
        ...(pinned !== (before.pinned ?? false) && { pinned }),
      });
    } catch (error) {
      this.put(before);
      throw error;
    }
    await this.read();
  }

  remove(id: string | undefined): void {
    this.chats = this.chats.filter((chat) => chat.id !== id);
    this.#host.changed();
  }

  /** Reads the list. A reading that has not begun yet serves all who ask for one. */
  read(): Promise<void> {
    this.#next ??= this.#reading.then(() => {
      this.#next = undefined;
      this.#reading = this.#read();
      return this.#reading;
    });
    return this.#next;
  }

  /** The database has failed; it is tried again. */
  fail(error: unknown): void {
    this.trouble = asBambaError(error);
    this.available = true;
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => this.#host.retry(), RETRY_MS);
    this.#host.changed();
  }

  /** There is no database any longer. */
  close(): void {
    clearTimeout(this.#retry);
    this.available = false;
    this.trouble = undefined;
  }

  async #read(): Promise<void> {
    clearTimeout(this.#retry);
    const store = this.#host.store();
    if (!store) return;
    try {
      const { chats, unreadable } = await store.list();
      if (this.#host.store() !== store) return;
      this.chats = chats;
      this.unreadable = unreadable;
      this.trouble = undefined;
      this.available = true;
      this.#host.changed();
    } catch (error) {
      if (this.#host.store() === store) this.fail(error);
    }
  }
}
