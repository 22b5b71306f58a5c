// The database of a list of chats can fail: another tab holds it, the browser closes it, a disk is full or slow. Each call
// ends within its deadline, with a result or with an error that says what to do. The next call begins with an open database
// again.

import { openDB, type IDBPDatabase } from 'idb';
import { BambaError } from '../../errors.ts';
import { linkTurns } from './chat-migration.ts';
import { type ChatSchema, type ChatTransaction, STORES } from './chat-schema.ts';

const VERSION = 3;

/** How long the database may take, in milliseconds. */
export interface DatabaseTiming {
  /** Without any sign of life from the database, a call fails after this. */
  readonly deadlineMs: number;
  /** Before a call that failed is tried again; twice that before the next time. */
  readonly pauseMs: number;
}

const TIMING: DatabaseTiming = { deadlineMs: 8000, pauseMs: 100 };

/** A call that can be repeated is tried this often. */
const ATTEMPTS = 3;

/** A database that opens itself when it is needed. */
export class ChatDatabase {
  readonly #name: string;
  readonly #timing: DatabaseTiming;
  #opening: Promise<IDBPDatabase<ChatSchema>> | undefined;
  #open: IDBPDatabase<ChatSchema> | undefined;
  /** Another tab has an earlier version open, and has been asked to let go. */
  #blocked = false;
  #closed = false;

  constructor(name: string, timing: Partial<DatabaseTiming> = {}) {
    this.#name = name;
    this.#timing = { ...TIMING, ...timing };
  }

  /**
   * Does work in one transaction, all of it or nothing.
   *
   * @param work is given the transaction, and `beat`, to be called where a long work goes on
   * @param repeatable whether the same work may be done again after it failed, possibly only in saying that it is done
   * @throws BambaError `storage_full`, `storage_unavailable`
   */
  async run<Mode extends IDBTransactionMode, T>(
    mode: Mode,
    work: (transaction: ChatTransaction<Mode>, beat: () => void) => Promise<T>,
    repeatable = true,
  ): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#once(mode, work);
      } catch (error) {
        const passes = !(error instanceof BambaError) && !isFinal(error);
        if (!repeatable || !passes || attempt === ATTEMPTS || this.#closed) throw asStorageError(error);
        await pause(this.#timing.pauseMs * 2 ** (attempt - 1));
      }
    }
  }

  /**
   * Begins a transaction at once, for a page that is being closed; undefined where the database is not open. The caller
   * commits it, and hears nothing of it.
   */
  begin(): ChatTransaction<'readwrite'> | undefined {
    try {
      const transaction = this.#open?.transaction(STORES, 'readwrite');
      if (transaction) void quiet(transaction.done);
      return transaction;
    } catch {
      return undefined;
    }
  }

  /** Lets go of the database. Calls that are under way end by themselves. */
  close(): void {
    this.#closed = true;
    this.#drop();
  }

  async #once<Mode extends IDBTransactionMode, T>(
    mode: Mode,
    work: (transaction: ChatTransaction<Mode>, beat: () => void) => Promise<T>,
  ): Promise<T> {
    const watch = new Watch(this.#timing.deadlineMs, () => this.#silence());
    let transaction: ChatTransaction<Mode> | undefined;
    try {
      const database = await watch.race(this.#connect());
      transaction = database.transaction(STORES, mode);
      void quiet(transaction.done);
      return await watch.race(finish(transaction, work, () => watch.beat()));
    } catch (error) {
      try {
        transaction?.abort();
      } catch {
        // It has ended already.
      }
      // After any fault of this connection, the next call gets another one.
      if (error instanceof BambaError || errorName(error) === 'InvalidStateError') this.#drop();
      throw error;
    } finally {
      watch.stop();
    }
  }

  #connect(): Promise<IDBPDatabase<ChatSchema>> {
    if (this.#closed) throw closedError();
    this.#opening ??= this.#openNow();
    return this.#opening;
  }

  #openNow(): Promise<IDBPDatabase<ChatSchema>> {
    const opening = openDB<ChatSchema>(this.#name, VERSION, {
      upgrade(database, from, _to, transaction) {
        if (from < 1) {
          database.createObjectStore('chats', { keyPath: 'id' });
          database.createObjectStore('turns');
        }
        if (from < 2) database.createObjectStore('deleted');
        // Should it fail, so does opening, and the next attempt begins with the version that was there.
        if (from === 1 || from === 2) void quiet(linkTurns(transaction.objectStore('turns')));
      },
      blocked: () => (this.#blocked = true),
      // A newer version of the page waits for this one to let go.
      blocking: () => this.#drop(),
      terminated: () => this.#drop(),
    });
    void this.#watch(opening);
    return opening;
  }

  async #watch(opening: Promise<IDBPDatabase<ChatSchema>>): Promise<void> {
    try {
      const database = await opening;
      // Nobody waits for it any longer.
      if (this.#opening !== opening) return database.close();
      this.#blocked = false;
      this.#open = database;
    } catch {
      if (this.#opening === opening) this.#opening = undefined;
    }
  }

  #drop(): void {
    this.#opening = undefined;
    this.#open?.close();
    this.#open = undefined;
  }

  #silence(): BambaError {
    return new BambaError(
      'storage_unavailable',
      this.#blocked
        ? 'Another tab of this site holds the chats with an earlier version of the page. Close the other tabs.'
        : 'The browser’s database does not answer. Close other tabs of this site, or restart the browser.',
    );
  }
}

async function finish<Mode extends IDBTransactionMode, T>(
  transaction: ChatTransaction<Mode>,
  work: (transaction: ChatTransaction<Mode>, beat: () => void) => Promise<T>,
  beat: () => void,
): Promise<T> {
  const result = await work(transaction, beat);
  await transaction.done;
  return result;
}

/** Says when something has been silent for too long. */
class Watch {
  readonly #deadlineMs: number;
  readonly #error: () => BambaError;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #fail: ((error: BambaError) => void) | undefined;

  constructor(deadlineMs: number, error: () => BambaError) {
    this.#deadlineMs = deadlineMs;
    this.#error = error;
    this.beat();
  }

  /** There was a sign of life. */
  beat(): void {
    this.stop();
    this.#timer = setTimeout(() => this.#fail?.(this.#error()), this.#deadlineMs);
  }

  async race<T>(promise: Promise<T>): Promise<T> {
    // Where the deadline wins, nobody else hears how the promise ends.
    void quiet(promise);
    const silence = new Promise<never>((_, reject) => {
      this.#fail = reject;
    });
    const result = await Promise.race([promise, silence]);
    this.beat();
    return result;
  }

  stop(): void {
    clearTimeout(this.#timer);
  }
}

/** Trying again at once cannot help. */
function isFinal(error: unknown): boolean {
  return errorName(error) === 'QuotaExceededError' || errorName(error) === 'VersionError';
}

function errorName(error: unknown): string {
  return error instanceof Error || error instanceof DOMException ? error.name : '';
}

/**
 * A request that is made together with others. Once one of them has failed, the transaction is lost, and nobody needs to
 * hear what becomes of the others.
 */
export function quiet<T>(request: Promise<T>): Promise<T> {
  request.catch(() => undefined);
  return request;
}

/** The fault in our words. */
function asStorageError(error: unknown): BambaError {
  if (error instanceof BambaError) return error;
  if (errorName(error) === 'QuotaExceededError') {
    const sentence = 'The browser has no room left for chats. Delete chats or models, or free space on the disk.';
    return new BambaError('storage_full', sentence, { cause: error });
  }
  const reason =
    errorName(error) === 'VersionError'
      ? 'A newer version of this page keeps the chats now. Load this page again.'
      : `The browser’s database failed (${errorName(error) || 'no reason given'}). Try again, or load this page again.`;
  return new BambaError('storage_unavailable', reason, { cause: error });
}

function closedError(): BambaError {
  return new BambaError('storage_unavailable', 'This list of chats is closed. Put the element into the page again.');
}

async function pause(milliseconds: number): Promise<void> {
  await new Promise((resolve) => {
    setTimeout(resolve, milliseconds);
  });
}
