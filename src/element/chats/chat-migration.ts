// From earlier versions of the database to this one.

import type { IDBPObjectStore } from 'idb';
import type { ChatSchema, StoreName } from './chat-schema.ts';
import { readTurn } from './chat-record.ts';
import type { TurnId } from './ids.ts';

/** The turns while the database is brought to another version. */
type Turns = IDBPObjectStore<ChatSchema, ArrayLike<StoreName>, 'turns', 'versionchange'>;

/**
 * Up to version 2, the turns of a chat stood in the order of their keys. Since version 3 each says which it follows. A
 * record that cannot be read stays as it is.
 */
export async function linkTurns(turns: Turns): Promise<void> {
  let before: readonly [string, TurnId] | undefined;
  for (let cursor = await turns.openCursor(); cursor; cursor = await cursor.continue()) {
    const { key, value } = cursor;
    if (!Array.isArray(key) || !readTurn(key[1], value)) continue;
    if (before?.[0] === key[0]) await cursor.update({ ...(value as object), after: before[1] });
    before = key;
  }
}
