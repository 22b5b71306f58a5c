import type { DBSchema, IDBPDatabase, IDBPTransaction } from 'idb';
import { abort, openDatabaseInTime, type OpenOptions } from './open-database.ts';
import { ANSWERS_WITHIN_MS, guard } from './storage-faults.ts';

// States of conversations, in a database of their own. They may be lost at any time: each can be computed again from its
// text. A state is written in pieces, and counts only once its record is there.

const DATABASE = 'bamba-web-states';
const VERSION = 1;
/** A write that began longer ago than this was broken off. */
const BROKEN_OFF_MS = 3_600_000;
/** Notes of what was deleted are for writes that began before. */
const FORGET_DELETED_MS = BROKEN_OFF_MS;

/** A state that is kept. */
export interface StateRecord {
  /** Of the conversation, or of what several begin with. */
  id: string;
  /** The write that it comes of: its pieces are kept under it. */
  write: string;
  /** All about the state but its numbers. */
  prelude: ArrayBuffer;
  pieces: number;
  /** Of prelude and pieces. */
  bytes: number;
  tokens: number;
  /** Of the model, for people. */
  model: string;
  /** Milliseconds since 1970. */
  savedAt: number;
}

/** The facts of a state that lists need. */
export type StateEntry = Omit<StateRecord, 'prelude' | 'write' | 'pieces'>;

interface Schema extends DBSchema {
  states: { key: string; value: StateRecord };
  /** By [id, write, index]. */
  pieces: { key: [id: string, write: string, index: number]; value: ArrayBuffer };
  /** When a state was deleted: what was being written of it then is not kept. */
  deleted: { key: string; value: number };
}

const ALL = ['states', 'pieces', 'deleted'] as const;
type Reading = IDBPTransaction<Schema, typeof ALL>;
type Writing = IDBPTransaction<Schema, typeof ALL, 'readwrite'>;

/**
 * States kept in the browser.
 *
 * ```ts
 * const store = await StateStore.open();
 * const record = await store.record(id);
 * ```
 * Methods throw BambaError `storage_unavailable` where the browser closed or denies the database, and `storage_full`.
 */
export class StateStore {
  readonly #database: IDBPDatabase<Schema>;
  readonly #answersWithin: number;

  private constructor(database: IDBPDatabase<Schema>, answersWithin: number) {
    this.#database = database;
    this.#answersWithin = answersWithin;
  }

  /**
   * @param options.answersWithin milliseconds that each step may take
   * @throws BambaError `storage_unavailable`: no IndexedDB, denied, or held by another tab; `aborted`.
   */
  static async open({
    answersWithin = ANSWERS_WITHIN_MS,
    ...options
  }: OpenOptions & { answersWithin?: number } = {}): Promise<StateStore> {
    const database = await openDatabaseInTime<Schema>(
      DATABASE,
      VERSION,
      (created) => {
        created.createObjectStore('states', { keyPath: 'id' });
        created.createObjectStore('pieces');
        created.createObjectStore('deleted');
      },
      options,
    );
    return new StateStore(database, answersWithin);
  }

  /** The record under `id`; null where there is none, or a damaged one. */
  async record(id: string): Promise<StateRecord | null> {
    const record: unknown = await this.#read((transaction) => transaction.objectStore('states').get(id));
    return isRecord(record) ? record : null;
  }

  /** A piece of a state, unverified; null where it is not here. */
  async piece(
    { id, write }: Pick<StateRecord, 'id' | 'write'>,
    index: number,
  ): Promise<Uint8Array<ArrayBuffer> | null> {
    const key: [string, string, number] = [id, write, index];
    const buffer: unknown = await this.#read((transaction) => transaction.objectStore('pieces').get(key));
    return buffer instanceof ArrayBuffer ? new Uint8Array(buffer) : null;
  }

  /** Keeps a piece of a state that is being written. */
  async putPiece(id: string, write: string, index: number, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    const whole = bytes.byteLength === bytes.buffer.byteLength ? bytes.buffer : bytes.slice().buffer;
    await this.#write(async (transaction) => {
      await transaction.objectStore('pieces').put(whole, [id, write, index]);
    }, bytes.length);
  }

  /**
   * Ends a write: from now on this is the state of its id, and what there was of an earlier one is dropped.
   * @param since when the state came to be; default: when its writing began
   * @returns false where the state was deleted after that; nothing is kept of it then.
   */
  async commit(record: StateRecord, since = beginOf(record.write)): Promise<boolean> {
    const { id, write, prelude } = record;
    let kept = true;
    await this.#write(async (transaction) => {
      const deletedAt = await transaction.objectStore('deleted').get(id);
      kept = deletedAt === undefined || deletedAt < since;
      if (!kept) {
        await transaction.objectStore('pieces').delete(rangeOf(id, write));
        return;
      }
      await dropPieces(transaction, id, (other) => other !== write);
      await transaction.objectStore('states').put(record);
    }, prelude.byteLength);
    return kept;
  }

  /** Drops what came of a write that was broken off. */
  async discard(id: string, write: string): Promise<void> {
    await this.#write((transaction) => transaction.objectStore('pieces').delete(rangeOf(id, write)));
  }

  /** All that are kept, the one that was written last first. */
  async list(): Promise<StateEntry[]> {
    const values: unknown[] = await this.#read((transaction) => transaction.objectStore('states').getAll());
    return values
      .filter(isRecord)
      .map(({ id, bytes, tokens, model, savedAt }) => ({ id, bytes, tokens, model, savedAt }))
      .toSorted((one, other) => other.savedAt - one.savedAt);
  }

  /**
   * Makes room for `needed` bytes under `budget`: the oldest go first, and what an earlier one of `id` takes does not count.
   * The rests of broken writes go, too.
   * @param dear the ids of states that go after all others
   * @param spare whether the dear ones stay in any case
   * @returns false, with all as it was, where there cannot be so much room.
   */
  async makeRoom(
    id: string,
    needed: number,
    budget: number,
    { dear = new Set(), spare = false }: { dear?: ReadonlySet<string>; spare?: boolean } = {},
  ): Promise<boolean> {
    const others = (await this.list()).filter((entry) => entry.id !== id);
    const dearer = others.filter((entry) => dear.has(entry.id));
    const least = spare ? dearer.reduce((sum, entry) => sum + entry.bytes, 0) : 0;
    if (needed + least > budget) return false;
    const kept = [...dearer, ...others.filter((entry) => !dear.has(entry.id))];
    let bytes = needed;
    for (const entry of kept) {
      bytes += entry.bytes;
      if (bytes > budget) await this.drop(entry.id);
    }
    await this.#sweep();
    return true;
  }

  /** Deletes states, all or none, for every tab, and for whoever is just writing one. */
  async delete(...ids: string[]): Promise<void> {
    await this.#write(async (transaction) => {
      for (const id of ids) {
        await transaction.objectStore('deleted').put(Date.now(), id);
        await removeState(transaction, id);
      }
    });
  }

  /** Deletes all states. */
  async deleteAll(): Promise<void> {
    await this.#write(async (transaction) => {
      const now = Date.now();
      const pieces = await transaction.objectStore('pieces').getAllKeys();
      const ids = [...(await transaction.objectStore('states').getAllKeys()), ...pieces.map(([id]) => id)];
      for (const id of new Set(ids)) await transaction.objectStore('deleted').put(now, id);
      await transaction.objectStore('states').clear();
      await transaction.objectStore('pieces').clear();
    });
  }

  close(): void {
    this.#database.close();
  }

  /** Drops a state that is of no use, or has to make room: it may be written again at once. */
  async drop(id: string): Promise<void> {
    await this.#write((transaction) => removeState(transaction, id));
  }

  /** Drops pieces without a record that nobody can be writing any more, damaged records, and old notes of deletion. */
  async #sweep(): Promise<void> {
    const old = Date.now() - BROKEN_OFF_MS;
    await this.#write(async (transaction) => {
      const [states, pieces, deleted] = ALL.map((name) => transaction.objectStore(name)) as [
        ReturnType<typeof transaction.objectStore<'states'>>,
        ReturnType<typeof transaction.objectStore<'pieces'>>,
        ReturnType<typeof transaction.objectStore<'deleted'>>,
      ];
      const writes = new Set<string>();
      for (const id of await states.getAllKeys()) {
        const record: unknown = await states.get(id);
        if (isRecord(record)) writes.add(record.write);
        else await removeState(transaction, id);
      }
      for (const key of await pieces.getAllKeys()) {
        if (!writes.has(key[1]) && beginOf(key[1]) < old) await pieces.delete(key);
      }
      for (const id of await deleted.getAllKeys()) {
        const at = await deleted.get(id);
        if (!((at ?? 0) > Date.now() - FORGET_DELETED_MS)) await deleted.delete(id);
      }
    });
  }

  #read<Result>(work: (transaction: Reading) => Promise<Result>): Promise<Result> {
    return this.#run(() => this.#database.transaction(ALL), work, 0);
  }

  #write(work: (transaction: Writing) => Promise<void>, bytes = 0): Promise<void> {
    return this.#run(() => this.#database.transaction(ALL, 'readwrite'), work, bytes);
  }

  /** Works in one transaction, all of it or nothing: one that does not end in time is taken back, and holds nobody up. */
  async #run<Begun extends Reading | Writing, Result>(
    begin: () => Begun,
    work: (transaction: Begun) => Promise<Result>,
    bytes: number,
  ): Promise<Result> {
    const begun: Begun[] = [];
    const all = async (): Promise<Result> => {
      const transaction = begin();
      begun.push(transaction);
      const result = await work(transaction);
      await transaction.done;
      return result;
    };
    try {
      return await guard(all, bytes, this.#answersWithin);
    } catch (error) {
      for (const transaction of begun) abort(transaction);
      throw error;
    }
  }
}

/** A name for a write that begins now. It tells when, so that what was broken off is known by its age. */
export function nameWrite(): string {
  return `${Date.now()} ${crypto.randomUUID()}`;
}

/** When a write began; long ago where its name does not say. */
function beginOf(write: string): number {
  const time = Number.parseInt(write, 10);
  return Number.isFinite(time) ? time : 0;
}

/** All pieces of a state, or of one write of it. */
function rangeOf(id: string, write?: string): IDBKeyRange {
  return write === undefined ? IDBKeyRange.bound([id], [id, []]) : IDBKeyRange.bound([id, write], [id, write, []]);
}

async function removeState(transaction: Writing, id: string): Promise<void> {
  await transaction.objectStore('states').delete(id);
  await transaction.objectStore('pieces').delete(rangeOf(id));
}

async function dropPieces(transaction: Writing, id: string, dropped: (write: string) => boolean): Promise<void> {
  const pieces = transaction.objectStore('pieces');
  const writes = new Set((await pieces.getAllKeys(rangeOf(id))).map(([, write]) => write));
  for (const write of writes) if (dropped(write)) await pieces.delete(rangeOf(id, write));
}

/** Another version of this library, another page of the site or a broken disk may have written it. */
function isRecord(value: unknown): value is StateRecord {
  const { id, write, prelude, pieces, bytes, tokens, model, savedAt } = (value ?? {}) as Record<string, unknown>;
  const counts = [pieces, bytes, tokens, savedAt];
  return (
    [id, write, model].every((text) => typeof text === 'string') &&
    prelude instanceof ArrayBuffer &&
    counts.every((count) => Number.isSafeInteger(count) && (count as number) >= 0)
  );
}
