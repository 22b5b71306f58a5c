import { BambaError } from '../../errors.ts';
import { NEAR_TOKENS } from '../../generate/cuts.ts';
import type { StateCache } from '../../generate/state-cache.ts';
import { isPrefix } from '../../generate/state-tree.ts';
import {
  decodePrelude,
  encodePrelude,
  isForeign,
  payloadBytes,
  pieceHash,
  verifyPiece,
} from '../../model/snapshot-bytes.ts';
import type { SequenceState } from '../../model/state.ts';
import { nameWrite, type StateEntry, type StateRecord, StateStore } from '../../storage/store/state-store.ts';
import { storageEstimate } from '../../storage/store/storage-faults.ts';
import { throwIfAborted } from '../../weights/abort.ts';
import { bringBack, factsOf, piecesOf, readerOf, type StateOwner } from './state-files.ts';
import { conversationOf, endKeys, prefixKey, promptKey } from './stored-states.ts';

/** Milliseconds without a request after which the engine counts as idle. */
const QUIET_MS = 1000;
/** The most that is kept where nobody says how much. */
const MOST_BYTES = 2 ** 30;
/** The room for states where the browser does not tell how much it has. */
const BYTES_UNTOLD = 256 * 2 ** 20;
/** The longest wait of a question for storage, at each step: the text can be read again in that time. */
const ANSWERS_WITHIN_MS = 5000;
/** A shorter beginning is read as fast as it is brought back. */
const SHARED_TOKENS = 16;

/** How states are kept. */
export interface KeptStatesOptions {
  /** Bytes of storage; default by what the browser has room for. */
  budget?: number | undefined;
  /** Milliseconds without a request before anything is written. */
  quietMs?: number | undefined;
}

/** The part of a prompt that is known before storage is asked. */
interface KnownBeginning {
  live: SequenceState;
  shared: readonly number[];
  digest: number | null;
  signal: AbortSignal | undefined;
}

/** A state that is to be written. */
interface Due {
  /** Of the conversation, or of what several begin with. */
  readonly id: string;
  /** Where it may be put. */
  readonly keys: readonly string[];
  /** Other states that may make it one that is not worth its bytes; undefined where it is written in any case. */
  readonly others?: readonly string[];
  readonly tokens: readonly number[];
  /** When it came to be: whoever deletes it after that means it, too. */
  readonly since: number;
}

/** A state that storage has, and its tokens. */
interface Found {
  readonly record: StateRecord;
  readonly tokens: readonly number[];
}

/**
 * The latest states of conversations in the browser's storage, and of what several begin with. Of a conversation, these are
 * the ends of its last answers, and the end of its last prompt where that is far from them. So the next question goes on
 * from one of them, as does the last one that is asked anew or otherwise, and one on the branch that was left last. They are
 * written while nothing else is to do, and brought back where the GPU knows less of a conversation than storage does.
 */
export class KeptStates {
  readonly #owner: () => Promise<StateOwner>;
  readonly #states: StateCache;
  readonly #options: KeptStatesOptions;
  /** By id, what was said last at the end. */
  readonly #due = new Map<string, Due>();
  /** By conversation, tokens that it had last in this engine: storage has no more of it. */
  readonly #latest = new Map<string, number>();
  /** By conversation that is under way: its prompt, and the tokens that it has in common with others. */
  readonly #speaking = new Map<string, { ids: readonly number[]; shared: readonly number[] }>();
  /** The tokens that a conversation last shared with others; written if the GPU has a state of exactly them. */
  #shared: readonly number[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;
  #writing: AbortController | null = null;
  #last: Promise<void> = Promise.resolve();
  /** The message that people have not heard yet; null once they have heard of a failure. */
  #message: string | null | undefined;

  /** @param owner whose states these are; not asked for before there is something to write or to bring back */
  constructor(owner: () => Promise<StateOwner>, states: StateCache, options: KeptStatesOptions = {}) {
    this.#owner = owner;
    this.#states = states;
    this.#options = options;
  }

  /** A request begins: nothing is written from now on, and what was half written is dropped. */
  pause(): void {
    clearTimeout(this.#timer);
    this.#writing?.abort();
    // Its reason has a stack, and a stack has hold of the request that was under way.
    this.#writing = null;
  }

  /** All requests have ended. */
  resume(): void {
    if (this.#available && this.#due.size > 0) this.#wait();
  }

  /** A turn of a conversation has ended. @param state the sequence of it, as it is now */
  note(conversation: string, state: SequenceState): void {
    const spoken = this.#speaking.get(conversation);
    this.#speaking.delete(conversation);
    if (!this.#available || !spoken) return;
    const { ids, shared } = spoken;
    if (state.position > 0) {
      this.#latest.set(conversation, state.position);
      const [ends, prompt] = [endKeys(conversation), promptKey(conversation)];
      // The longest that the prompt begins with is the one before the header of its answer.
      const asked = this.#states.find(ids)?.state.tokens;
      if (asked) this.#noteDue({ id: prompt, keys: [prompt], others: ends, tokens: asked });
      this.#noteDue({ id: ends[0]!, keys: ends, tokens: [...state.tokens] });
    }
    if (shared.length >= SHARED_TOKENS) this.#shared = shared;
  }

  /** Ends all writing. */
  dispose(): void {
    this.pause();
    this.#due.clear();
  }

  /** A sentence that people should hear of once, if there is one. */
  takeMessage(): string | undefined {
    const message = this.#message ?? undefined;
    if (message !== undefined) this.#message = null;
    return message;
  }

  /**
   * Makes the live sequence what storage has of a conversation, where that is more than the GPU knows of its prompt.
   * @param shared the tokens that it has in common with others: of what the system says
   * @param digest of the prompt's messages: where another model has read them, that is noted; null where there are none
   * @throws BambaError `aborted`; `device_lost` and other failures of the GPU. Storage that fails is done without.
   */
  async bring(
    conversation: string,
    ids: readonly number[],
    { live, shared, digest, signal }: KnownBeginning,
  ): Promise<void> {
    this.#speaking.set(conversation, { ids, shared });
    if (!this.#available) return;
    const known = Math.max(
      isPrefix(live.tokens, ids) && live.position < ids.length ? live.position : 0,
      this.#states.find(ids)?.state.position ?? 0,
    );
    // The last token is processed in any case: its logits are not kept.
    if (known >= Math.min(ids.length - 1, this.#latest.get(conversation) ?? Infinity)) return;
    const own = [...endKeys(conversation), promptKey(conversation)];
    const keys = [...own, ...(shared.length > 0 ? [await prefixKey(shared)] : [])];
    await this.#tolerate(async () => {
      const store = await StateStore.open({ within: ANSWERS_WITHIN_MS, signal, answersWithin: ANSWERS_WITHIN_MS });
      try {
        for (const record of await recordsOf(store, keys)) {
          if (await this.#bringFrom(store, record, ids, { known, digest, signal })) return;
        }
      } finally {
        store.close();
      }
    });
  }

  /** @returns whether the live sequence is now what was kept. */
  async #bringFrom(
    store: StateStore,
    record: StateRecord,
    ids: readonly number[],
    { known, digest, signal }: Pick<KnownBeginning, 'digest' | 'signal'> & { known: number },
  ): Promise<boolean> {
    const owner = await this.#owner();
    try {
      const prelude = await decodePrelude(new Uint8Array(record.prelude), readerOf(owner));
      const { length } = prelude.tokens;
      if (length <= known || length >= ids.length || !isPrefix(prelude.tokens, ids)) return false;
      await bringBack(owner.model, prelude, async (index) => {
        throwIfAborted(signal);
        const piece = (await store.piece(record, index)) ?? new Uint8Array();
        await verifyPiece(prelude, index, piece);
        return piece;
      });
      return true;
    } catch (error) {
      if (!(error instanceof BambaError && error.code === 'state_invalid')) throw error;
      // Damaged, or of another model: the text is read instead.
      if (digest !== null && isForeign(error)) this.#states.known.markForeign(digest);
      await store.drop(record.id);
      return false;
    }
  }

  get #available(): boolean {
    return typeof indexedDB !== 'undefined' && this.#options.budget !== 0;
  }

  #noteDue(due: Omit<Due, 'since'>): void {
    // Behind all others.
    this.#due.delete(due.id);
    this.#due.set(due.id, { ...due, since: Date.now() });
  }

  #wait(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      const writing = new AbortController();
      this.#writing = writing;
      // One at a time: what was stopped may still be putting its last piece away.
      this.#last = this.#last.then(() => this.#write(writing.signal));
    }, this.#options.quietMs ?? QUIET_MS);
  }

  async #write(signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    try {
      const written = await this.#tolerate(async () => {
        const store = await StateStore.open({ signal });
        try {
          await this.#writeAll(store, signal);
        } finally {
          store.close();
        }
      });
      // A write that failed once fails again, until there is a new state to write.
      if (!written) this.#due.clear();
    } catch {
      // The GPU is gone, or the request that came was faster. The next request hears of the GPU.
    }
  }

  async #writeAll(store: StateStore, signal: AbortSignal): Promise<void> {
    const owner = await this.#owner();
    const shared = this.#shared;
    if (shared.length > 0) {
      const id = await prefixKey(shared);
      if ((await store.record(id)) === null) this.#noteDue({ id, keys: [id], tokens: shared });
      this.#shared = [];
    }
    for (const due of [...this.#due.values()].toReversed()) {
      if (signal.aborted) return;
      const state = this.#find(owner, due.tokens);
      const done = state === null || (await this.#writeOne(owner, store, due, state, signal));
      if (done && this.#due.get(due.id) === due) this.#due.delete(due.id);
    }
  }

  /** The GPU's state of exactly these tokens; null where it has none any more. */
  #find({ model }: StateOwner, tokens: readonly number[]): SequenceState | null {
    const same = (state: SequenceState) =>
      state.isExact && state.position === tokens.length && isPrefix(state.tokens, tokens);
    if (same(model.state)) return model.state;
    const snapshot = this.#states.find(tokens);
    return snapshot && same(snapshot.state) ? snapshot.state : null;
  }

  /** @returns false where it was stopped. */
  async #writeOne(
    owner: StateOwner,
    store: StateStore,
    due: Due,
    state: SequenceState,
    signal: AbortSignal,
  ): Promise<boolean> {
    const { tokens, since } = due;
    const { model, name } = owner;
    const facts = factsOf(owner, tokens, { logits: false });
    const id = await placeOf(store, owner, due);
    if (id === null) return true;
    const empty = await encodePrelude(facts, []);
    const bytes = payloadBytes(facts) + empty.length;
    const dear = dearest(await store.list(), due.others ? undefined : conversationOf(id));
    const spare = due.others !== undefined;
    if (!(await store.makeRoom(id, bytes, await this.#budget(store), { dear, spare }))) return true;
    if (signal.aborted) return false;
    const write = nameWrite();
    const hashes: Uint8Array<ArrayBuffer>[] = [];
    try {
      for await (const piece of piecesOf(model, state, facts, signal)) {
        const [hash] = await Promise.all([pieceHash(piece), store.putPiece(id, write, hashes.length, piece)]);
        hashes.push(hash);
      }
      throwIfAborted(signal);
      const prelude = (await encodePrelude(facts, hashes)).buffer;
      const kept = { tokens: tokens.length, model: name, savedAt: Date.now() };
      await store.commit({ id, write, prelude, pieces: hashes.length, bytes, ...kept }, since);
      return true;
    } catch (error) {
      await store.discard(id, write).catch(() => {}); // swept away later
      if (signal.aborted) return false;
      throw error;
    }
  }

  async #budget(store: StateStore): Promise<number> {
    const { budget } = this.#options;
    if (budget !== undefined) return budget;
    const { quota, usage } = (await storageEstimate()) ?? {};
    if (quota === undefined || usage === undefined) return BYTES_UNTOLD;
    const kept = (await store.list()).reduce((sum, { bytes }) => sum + bytes, 0);
    // Models come first: of what they leave, a part.
    return Math.floor(Math.min(MOST_BYTES, kept + Math.max(0, quota - usage) / 4));
  }

  /** Works with storage, and without where that fails, of which people hear once. @returns whether it did not fail. */
  async #tolerate(work: () => Promise<void>): Promise<boolean> {
    try {
      await work();
      return true;
    } catch (error) {
      const { code, message } = error instanceof BambaError ? error : {};
      if (code === 'out_of_memory') return true; // the text takes less than a second copy of its state
      if (code !== 'storage_full' && code !== 'storage_unavailable') throw error;
      if (this.#message === undefined) {
        this.#message = `The chat goes on, but what was computed of it is not kept for the next visit. ${message}`;
      }
      return false;
    }
  }
}

/** What is kept under some keys, the longest first. */
async function recordsOf(store: StateStore, keys: readonly string[]): Promise<StateRecord[]> {
  const records = await Promise.all(keys.map((key) => store.record(key)));
  return records.filter((record) => record !== null).toSorted((one, other) => other.tokens - one.tokens);
}

/** The key that a state is to be written under; null where what is kept does as well. */
async function placeOf(store: StateStore, owner: StateOwner, { keys, others, tokens }: Due): Promise<string | null> {
  const records = await recordsOf(store, [...keys, ...(others ?? [])]);
  const found = (await Promise.all(records.map((record) => read(record, owner)))).filter((one) => one !== null);
  if (others) {
    // From a near one, it is read again in one pass.
    const before = found.filter((one) => isPrefix(one.tokens, tokens)).map((one) => one.tokens.length);
    return tokens.length - Math.max(0, ...before) > NEAR_TOKENS ? keys[0]! : null;
  }
  if (found.some((one) => isPrefix(tokens, one.tokens))) return null;
  const taken = new Map(found.map(({ record }) => [record.id, record.savedAt]));
  return keys.toSorted((one, other) => (taken.get(one) ?? -1) - (taken.get(other) ?? -1))[0]!;
}

/** A record with its tokens; null for one that is damaged, or of another model. */
async function read(record: StateRecord, owner: StateOwner): Promise<Found | null> {
  try {
    const { tokens } = await decodePrelude(new Uint8Array(record.prelude), readerOf(owner));
    return { record, tokens };
  } catch {
    return null;
  }
}

/** The states that go last: the latest of each conversation but one, which is about to get another, and all shared ones. */
function dearest(entries: readonly StateEntry[], but: string | undefined): Set<string> {
  const seen = new Set(but === undefined ? [] : [but]);
  const dear = new Set<string>();
  for (const { id } of entries) {
    const conversation = conversationOf(id);
    if (conversation === undefined || (!seen.has(conversation) && endKeys(conversation).includes(id))) dear.add(id);
    if (conversation !== undefined && dear.has(id)) seen.add(conversation);
  }
  return dear;
}
