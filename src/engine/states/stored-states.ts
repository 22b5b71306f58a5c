import { StateStore } from '../../storage/store/state-store.ts';
import { sha256Hex } from '../../weights/sha256.ts';
import type { StoredState } from '../protocol.ts';

/** What a conversation was read to last, and before: at the ends of answers, in turn. */
const ENDS = ['conversation ', 'former ', 'earlier '] as const;
/** The end of its last prompt, before the header of the answer. */
const PROMPT = 'prompt ';
const PREFIX = 'prefix ';

/** The keys of the states that a conversation was left at. The oldest gives way to the next. */
export function endKeys(conversation: string): string[] {
  return ENDS.map((kind) => kind + conversation);
}

/** The key of the state that another answer to the last question begins from. */
export function promptKey(conversation: string): string {
  return PROMPT + conversation;
}

/** The conversation that a key is of; undefined where several begin with it. */
export function conversationOf(key: string): string | undefined {
  const kind = [...ENDS, PROMPT].find((one) => key.startsWith(one));
  return kind && key.slice(kind.length);
}

/** Whether one key is of a state that another answer begins from, and not of one that a conversation was left at. */
const isPrompt = (key: string): boolean => key.startsWith(PROMPT);

/** The key of a state that several conversations begin with. */
export async function prefixKey(tokens: readonly number[]): Promise<string> {
  return PREFIX + (await sha256Hex(new Uint8Array(new Uint32Array(tokens).buffer)));
}

/**
 * The states of conversations that this browser keeps. With its state, a conversation's next question in a later visit
 * does not wait until all of it is read again. Of a conversation, the tokens and the time are those of the state that was
 * written last, and the bytes are those of all its states. The conversation that was written last comes first; a state that
 * several conversations begin with has no `conversation`.
 *
 * ```ts
 * const bytes = (await storedStates()).reduce((sum, state) => sum + state.bytes, 0);
 * ```
 * @throws BambaError `storage_unavailable` where the browser denies its database.
 */
export async function storedStates(): Promise<StoredState[]> {
  const entries = await withStore((store) => store.list());
  const found = new Map<string, StoredState>();
  for (const { id, ...facts } of entries.toSorted(
    (one, other) => Number(isPrompt(one.id)) - Number(isPrompt(other.id)),
  )) {
    const conversation = conversationOf(id);
    const state = found.get(conversation ?? id);
    if (state) state.bytes += facts.bytes;
    else found.set(conversation ?? id, conversation === undefined ? facts : { conversation, ...facts });
  }
  return [...found.values()].toSorted((one, other) => other.savedAt - one.savedAt);
}

/**
 * Deletes the states of a conversation, in every tab. Its next question is answered as well, once its text was read again.
 *
 * ```ts
 * await deleteStoredStates('chat 7');
 * ```
 * @param conversation as it was named in requests; left out, all states are deleted
 * @throws BambaError `storage_unavailable`.
 */
export async function deleteStoredStates(conversation?: string): Promise<void> {
  await withStore((store) =>
    conversation === undefined ? store.deleteAll() : store.delete(...endKeys(conversation), promptKey(conversation)),
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
