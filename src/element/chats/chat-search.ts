// Looking through all turns of all chats, with a cursor: chats may be more than should lie in memory at once.

import type { ChatTransaction } from './chat-schema.ts';
import { readChat, readTurn } from './chat-record.ts';
import type { TurnId } from './ids.ts';

/** A record as it is, in whatever shape. */
export interface RawRecord {
  readonly store: string;
  readonly key: unknown;
  readonly value: unknown;
}

/**
 * Ids of the chats that have `words` in their title, a question or an answer; capitals do not matter.
 *
 * @param beat called while the work goes on
 */
export async function searchChats(
  transaction: ChatTransaction<'readonly'>,
  words: string,
  beat: () => void,
): Promise<Set<string>> {
  const needle = words.trim().toLowerCase();
  const has = (text: string): boolean => text.toLowerCase().includes(needle);
  const chats = await transaction.objectStore('chats').getAll();
  const read = chats.map((chat) => readChat(chat)?.summary).filter((chat) => chat !== undefined);
  const found = new Set(read.filter(({ title }) => has(title)).map(({ id }) => id));
  for (let cursor = await transaction.objectStore('turns').openCursor(); cursor;) {
    beat();
    // Keys of other shapes are nobody's turns.
    const [chat, id] = Array.isArray(cursor.key) ? cursor.key : [];
    const turn = chat === undefined || found.has(chat) ? undefined : readTurn(id, cursor.value);
    if (chat !== undefined && turn && (has(turn.question) || has(turn.answer))) found.add(chat);
    // A chat that is found needs no further look.
    cursor = chat !== undefined && found.has(chat) ? await cursor.continue(endOf(chat)) : await cursor.continue();
  }
  return found;
}

/** All records that `readChat` and `readTurn` refuse. */
export async function findUnreadable(transaction: ChatTransaction<'readonly'>, beat: () => void): Promise<RawRecord[]> {
  const chats = await transaction.objectStore('chats').getAll();
  const records: RawRecord[] = chats
    .filter((value) => !readChat(value))
    .map((value) => ({ store: 'chats', key: value.id, value }));
  for (let cursor = await transaction.objectStore('turns').openCursor(); cursor; cursor = await cursor.continue()) {
    beat();
    const { key, value } = cursor;
    if (!Array.isArray(key) || !readTurn(key[1], value)) records.push({ store: 'turns', key, value });
  }
  return records;
}

/** A key after all of a chat's turns. */
function endOf(chat: string): [string, TurnId] {
  return [chat, []] as unknown as [string, TurnId];
}
