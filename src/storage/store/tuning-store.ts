import type { DBSchema, IDBPDatabase } from 'idb';
import { openDatabaseInTime } from './open-database.ts';
import { guard } from './storage-faults.ts';

// Measurements of this machine's adapters, apart from models: they may be lost at any time.

interface Schema extends DBSchema {
  tunings: { key: string; value: unknown };
}

const DATABASE = 'bamba-web-tuning';
const VERSION = 1;
const ANSWERS_WITHIN_MS = 3000;

/** The value under `key`, or undefined: also where the browser keeps nothing. */
export async function readTuning(key: string): Promise<unknown> {
  try {
    return await withDatabase((database) => database.get('tunings', key));
  } catch {
    // No storage, or a damaged one, is no reason not to load a model.
    return undefined;
  }
}

/** Keeps `value` under `key`. @throws BambaError `storage_unavailable`, `storage_full`. */
export async function writeTuning(key: string, value: object): Promise<void> {
  await withDatabase((database) => database.put('tunings', value, key));
}

async function withDatabase<Result>(work: (database: IDBPDatabase<Schema>) => Promise<Result>): Promise<Result> {
  const database = await openDatabaseInTime<Schema>(
    DATABASE,
    VERSION,
    (created) => void created.createObjectStore('tunings'),
    // A measurement is not worth waiting for.
    { within: ANSWERS_WITHIN_MS },
  );
  try {
    return await guard(() => work(database), 0, ANSWERS_WITHIN_MS);
  } finally {
    database.close();
  }
}
