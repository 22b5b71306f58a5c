// What a page could not save before it was closed, because its database had not opened yet. The tab keeps it, and the next
// page in it saves it first of all.

import * as v from 'valibot';
import { ownSettingsSchema } from '../settings/own-settings.ts';
import { readTurn, turnIdSchema } from './chat-record.ts';
import type { ChatChange, ChatStore } from './chat-store.ts';
import { readSession, writeSession } from './drafts.ts';

const changeSchema = v.object({
  id: v.string(),
  create: v.boolean(),
  revision: v.number(),
  title: v.string(),
  createdAt: v.number(),
  model: v.string(),
  changed: v.array(v.looseObject({ id: turnIdSchema })),
  removed: v.array(turnIdSchema),
  tip: v.optional(turnIdSchema),
  own: v.optional(v.nullable(ownSettingsSchema)),
});

/** The changes of one list that earlier pages of this tab have left over. */
export class LeftOver {
  readonly #key: string;
  #changes: readonly ChatChange[];

  /** @param key where they are kept */
  constructor(key: string) {
    this.#key = key;
    this.#changes = read(key);
  }

  /** Saves all of them. What cannot be saved stays for the next time: the list says what is the matter with the database. */
  async save(store: ChatStore): Promise<void> {
    const before = this.#changes;
    if (before.length === 0) return;
    try {
      for (const change of before) await store.save(change);
    } catch {
      return; // see above
    }
    this.#changes = [];
    writeSession(this.#key, undefined);
  }

  /** Keeps these as well, in place of what was kept when the page was left before. */
  keep(changes: readonly ChatChange[]): void {
    const all = [...this.#changes, ...changes];
    writeSession(this.#key, all.length > 0 ? all : undefined);
  }
}

/** Those that can be read. */
function read(key: string): ChatChange[] {
  let values: unknown;
  try {
    values = JSON.parse(readSession(key) ?? '[]');
  } catch {
    return [];
  }
  const changes = Array.isArray(values) ? values.map((value) => v.safeParse(changeSchema, value)) : [];
  return changes
    .filter((parsed) => parsed.success)
    .map(({ output: { changed, tip, own, ...rest } }) => ({
      ...rest,
      changed: changed.map((turn) => readTurn(turn.id, turn)).filter((turn) => turn !== undefined),
      tip,
      own,
      reread: false,
    }));
}
