import { type DBSchema, type IDBPDatabase, openDB } from 'idb';

// What was measured on this machine's adapters, apart from models: it may be lost at any time.

interface Schema extends DBSchema {
  tunings: { key: string; value: unknown };
}

const DATABASE = 'bamba-web-tuning';
const VERSION = 1;

/** What was kept under `key`, or undefined: also where the browser keeps nothing. */
export async function readTuning(key: string): Promise<unknown> {
  try {
    return await withDatabase((database) => database.get('tunings', key));
  } catch {
    // No storage, or a damaged one, is no reason not to load a model.
    return undefined;
  }
}

/** Keeps `value` under `key`. @throws DOMException where the browser keeps nothing. */
export async function writeTuning(key: string, value: object): Promise<void> {
  await withDatabase((database) => database.put('tunings', value, key));
}

async function withDatabase<Result>(work: (database: IDBPDatabase<Schema>) => Promise<Result>): Promise<Result> {
  const database = await openDB<Schema>(DATABASE, VERSION, {
    upgrade: (created) => void created.createObjectStore('tunings'),
  });
  try {
    return await work(database);
  } finally {
    database.close();
  }
}
