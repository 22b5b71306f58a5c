import { StateStore } from '../../storage/store/state-store.ts';
import { sha256Hex } from '../../weights/sha256.ts';
import type { StoredState } from '../protocol.ts';

const CONVERSATION = 'conversation ';
const PREFIX = 'prefix ';

/** The key of a conversation's state. */
export function conversationKey(conversation: string): string {
  return CONVERSATION + conversation;
}

/** The key of a state that several conversations begin with. */
export async function prefixKey(tokens: readonly number[]): Promise<string> {
  return PREFIX + (await sha256Hex(new Uint8Array(new Uint32Array(tokens).buffer)));
}

/**
 * The states of conversations that this browser keeps. With its state, a conversation's next question in a later visit
 * does not wait until all of it is read again. The one that was written last comes first; one that several
 * conversations begin with has no `conversation`.
 *
 * ```ts
 * const bytes = (await storedStates()).reduce((sum, state) => sum + state.bytes, 0);
 * ```
 * @throws BambaError `storage_unavailable` where the browser denies its database.
 */
export async function storedStates(): Promise<StoredState[]> {
  return withStore(async (store) =>
    (await store.list()).map(({ id, ...facts }) =>
      id.startsWith(CONVERSATION) ? { conversation: id.slice(CONVERSATION.length), ...facts } : facts,
    ),
  );
}

/**
 * Deletes the state of a conversation, in every tab. Its next question is answered as well, once its text was read again.
 *
 * ```ts
 * await deleteStoredStates('chat 7');
 * ```
 * @param conversation as it was named in requests; left out, all states are deleted
 * @throws BambaError `storage_unavailable`.
 */
export async function deleteStoredStates(conversation?: string): Promise<void> {
  await withStore((store) =>
    conversation === undefined ? store.deleteAll() : store.delete(conversationKey(conversation)),
  );
}

async function withStore<Result>(work: (store: StateStore) => Promise<Result>): Promise<Result> {
  const store = await StateStore.open();
  try {
    return await work(store);
  } finally {
    store.close();
  }
}
