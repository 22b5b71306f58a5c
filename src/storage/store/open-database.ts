import { type DBSchema, type IDBPDatabase, openDB, type OpenDBCallbacks, unwrap, wrap } from 'idb';
import { BambaError } from '../../errors.ts';
import { abortable } from '../../weights/abort.ts';
import { systemClock, withTimeout } from './clock.ts';
import { ANSWERS_WITHIN_MS, reasonOf, unavailable } from './storage-faults.ts';

/** How opening a database is waited for. */
export interface OpenOptions {
  /** Ends the waiting. */
  signal?: AbortSignal | undefined;
  /** Milliseconds for the database to open; none of ours takes more than an instant on a disk that works. */
  within?: number;
  /** Milliseconds for another tab that holds it to let go: ours do at once, so that whoever does not is an old page. */
  blockedFor?: number;
}

const OPENS_WITHIN_MS = 10_000;
const LETS_GO_WITHIN_MS = 3000;

/**
 * Opens a database, and waits for no other tab for long. Our own connections close as soon as another version is wanted.
 * @throws BambaError `storage_unavailable`: no IndexedDB, denied, or held by another tab; `aborted`.
 */
export async function openDatabaseInTime<Schema extends DBSchema>(
  name: string,
  version: number,
  upgrade: NonNullable<OpenDBCallbacks<Schema>['upgrade']>,
  options: OpenOptions = {},
): Promise<IDBPDatabase<Schema>> {
  const { signal, within = OPENS_WITHIN_MS, blockedFor = LETS_GO_WITHIN_MS } = options;
  if (typeof indexedDB === 'undefined') throw unavailable('this browser has no IndexedDB');
  let tellBlocked = (): void => {};
  const blocked = new Promise<void>((resolve) => {
    tellBlocked = resolve;
  });
  // Where it is denied, the call itself throws.
  const open = async () =>
    openDB<Schema>(name, version, {
      upgrade,
      blocked: tellBlocked,
      // A newer version of the page waits for this one to let go.
      blocking: (_current, _blocked, event) => (event.target as IDBDatabase).close(),
    });
  const opening = open();
  const letGo = blocked.then(() => withTimeout(opening, systemClock, blockedFor, held));
  letGo.catch(() => {}); // heard of below, or after the end
  try {
    const opened = Promise.race([opening, letGo]);
    const database = await abortable(
      withTimeout(opened, systemClock, within, () => silent(within)),
      signal,
    );
    watchTransactions(database);
    return database;
  } catch (cause) {
    // One that comes too late is not to hold the others up.
    void opening.then(
      (late) => late.close(),
      () => {},
    );
    throw cause instanceof BambaError ? cause : unavailable(reasonOf(cause), cause);
  }
}

/**
 * Hears of the end of every transaction. One that does not end would hold up all that come after it, in other tabs too: it
 * is aborted. Where nobody else waits for one, as for those that only read, its failure would be an unhandled rejection.
 */
function watchTransactions<Schema extends DBSchema>(database: IDBPDatabase<Schema>): void {
  const raw = unwrap(database);
  const begin = raw.transaction.bind(raw);
  const transaction = (...args: Parameters<typeof begin>): IDBTransaction => {
    const begun = begin(...args);
    const late = () => new Error('The transaction did not end.');
    withTimeout(wrap(begun).done, systemClock, ANSWERS_WITHIN_MS, late).catch(() => abort(begun));
    return begun;
  };
  Object.assign(raw, { transaction });
}

/** Takes a transaction back, unless it has ended. */
export function abort(transaction: { abort(): void }): void {
  try {
    transaction.abort();
  } catch {
    // It has ended already.
  }
}

function held(): BambaError {
  return new BambaError(
    'storage_unavailable',
    "The browser's database cannot be used: another tab of this site holds it. " +
      'Close the other tabs of this site, or reload them, then load again.',
  );
}

function silent(ms: number): BambaError {
  return new BambaError(
    'storage_unavailable',
    `The browser's database did not open within ${ms / 1000} seconds; it may be that another tab of this site holds it. ` +
      'Close the other tabs of this site, or restart the browser, then load again.',
  );
}
