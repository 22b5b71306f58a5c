// The stores of the database of a list of chats.

import type { DBSchema, IDBPTransaction } from 'idb';
import type { TurnId } from './ids.ts';

/** A chat's own record: what this version or another one has written. `readChat` reads it. */
export interface KeptChat {
  readonly id: string;
  readonly [field: string]: unknown;
}

/** The stores of the database. */
export interface ChatSchema extends DBSchema {
  chats: { key: string; value: KeptChat };
  /** By [chat, id of the turn]: in the order in which they were asked, versions of each other among them. */
  turns: { key: [string, TurnId]; value: unknown };
  /** When chats were deleted: a tab that has one of them open must not bring it back by writing to it. */
  deleted: { key: string; value: number };
}

/** All stores: a transaction of one chat concerns all of them. */
export const STORES = ['chats', 'turns', 'deleted'] as const;

type Stores = typeof STORES;

/** A store of the database. */
export type StoreName = Stores[number];

/** A transaction of the database. */
export type ChatTransaction<Mode extends IDBTransactionMode> = IDBPTransaction<ChatSchema, Stores, Mode>;
