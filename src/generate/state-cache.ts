import { BambaError } from '../errors.ts';
import type { Snapshot } from '../model/snapshot.ts';
import { NEAR_TOKENS } from './cuts.ts';
import { type StateKind, victimsFor } from './eviction.ts';
import { type Acquaintance, KnownSequences } from './known-sequences.ts';
import { isPrefix, type Kept, type Place, StateTree } from './state-tree.ts';

const MOST = 256 * 2 ** 20;
const LEAST_OF_WEIGHTS = 16 * 2 ** 20;
/** However small they are: each keeps its tokens in the memory of the page, and all are compared with a prompt. */
const MOST_STATES = 128;

/**
 * Bytes for a `StateCache` where nobody says how many. WebGPU does not tell how much memory there is: the largest buffer
 * of an adapter is what comes nearest. A small model is not to take many times what its weights take.
 */
export function defaultBudget(maxBufferSize: number, weightBytes: number): number {
  return Math.floor(Math.min(MOST, maxBufferSize / 8, Math.max(weightBytes, LEAST_OF_WEIGHTS)));
}

/** The parts of a model that the cache needs. */
interface SnapshotSource<One> {
  readonly state: { readonly tokens: readonly number[]; readonly position: number; reset(): void };
  /** Bytes that a snapshot would take now. */
  snapshotBytes(options: { logits: boolean }): number;
  snapshot(options: { logits: boolean }): Promise<One>;
  restore(snapshot: One): Promise<void>;
}

/** Why tokens that were known once were read again. */
export type CacheMiss = {
  /**
   * - `evicted`: their state had gone for want of room
   * - `edited`: the text is another one from token `at` on
   * - `other-template`: the same messages were written otherwise from token `at` on
   * - `other-model`: the state that was kept is that of another model
   */
  reason: 'evicted' | 'edited' | 'other-template' | 'other-model';
  /** Tokens of the prompt that were known. */
  at: number;
};

/** The point that a prompt goes on from. */
export interface Resumption {
  /** Tokens of it that the live sequence holds. */
  position: number;
  /** The known facts about the prompt's beginning. */
  known: Acquaintance | null;
}

/**
 * Snapshots of sequences at the places that conversations return to, under a budget of GPU memory. A recurrent state cannot
 * be taken back. So a request that regenerates, edits, branches or switches chats begins from the longest fitting snapshot,
 * and reads the tokens behind it.
 *
 * ```ts
 * const { position } = await states.resume(ids); // the live sequence holds so many of them
 * await model.prefill(ids.slice(position), { logits: true });
 * await states.keep('prompt', { logits: true });
 * ```
 */
export class StateCache<One extends Kept = Snapshot> {
  readonly #model: SnapshotSource<One>;
  readonly #budget: number;
  readonly #tree = new StateTree<One>();
  /** The sequences that were read once, with or without kept states. */
  readonly known = new KnownSequences();
  #clock = 0;

  /** @param budget bytes of GPU memory; it holds while snapshots are taken, too */
  constructor(model: SnapshotSource<One>, budget: number) {
    this.#model = model;
    this.#budget = budget;
  }

  /** Bytes of GPU memory that the snapshots hold. */
  get bytes(): number {
    return this.#tree.bytes;
  }

  /** The longest snapshot that `ids` begin with; null where there is none. It is neither restored nor counted as used. */
  find(ids: readonly number[]): One | null {
    return this.#tree.longest(ids)?.snapshot ?? null;
  }

  /**
   * Makes the live sequence a prefix of `ids`, the longest that is at hand.
   * @param options.logits whether an answer begins behind `ids`: all of them are then resumed only from a snapshot that
   * brings the logits along
   */
  async resume(ids: readonly number[], { logits = true }: { logits?: boolean } = {}): Promise<Resumption> {
    const { state } = this.#model;
    this.known.remember(state.tokens);
    const known = this.known.of(ids);
    const most = logits ? ids.length - 1 : ids.length;
    const live = state.position <= most && isPrefix(state.tokens, ids) ? state.position : 0;
    const best = this.#tree.longest(ids, (place) => place.position <= most || place.snapshot!.hasLogits);
    if (best && best.position > live) {
      await this.#model.restore(best.snapshot!);
      best.used = ++this.#clock;
      return { position: best.position, known };
    }
    if (live === 0) state.reset();
    return { position: live, known };
  }

  /**
   * Keeps the live sequence as it is now, if it is worth more than what would have to go for it. One that the GPU has no
   * room for is not kept, nor any other then.
   * @param options.logits whether an answer is to begin from it at once, without reading a token
   * @returns whether it is kept
   */
  async keep(kind: StateKind, { logits = false }: { logits?: boolean } = {}): Promise<boolean> {
    const tokens = [...this.#model.state.tokens];
    if (tokens.length === 0) return false;
    this.known.remember(tokens);
    const before = this.#tree.at(tokens);
    if (before && (before.snapshot!.hasLogits || !logits)) {
      this.#renew(before, kind);
      return true;
    }
    if (before) this.#drop(before);
    const place = this.#makeRoom(tokens, kind, this.#model.snapshotBytes({ logits }));
    if (!place) return false;
    try {
      const snapshot = await this.#model.snapshot({ logits });
      // Cleared meanwhile, there is no place for it.
      if (!this.#tree.places.includes(place)) {
        snapshot.dispose();
        return false;
      }
      place.snapshot = snapshot;
      place.tokens = snapshot.state.tokens; // one copy of long texts is enough
      return true;
    } catch (error) {
      this.#tree.remove(place);
      if (!(error instanceof BambaError && error.code === 'out_of_memory')) throw error;
      this.known.lose(tokens);
      for (const other of this.#tree.places) this.#lose(other);
      return false;
    }
  }

  /**
   * Takes over a snapshot that came from elsewhere, and disposes of it with its own.
   * @returns whether there is room for it; if not, it stays the caller's
   */
  adopt(snapshot: One, kind: StateKind = 'answer'): boolean {
    const { tokens } = snapshot.state;
    this.known.remember(tokens);
    const before = this.#tree.at(tokens);
    if (before?.snapshot === snapshot) return true;
    if (before) this.#drop(before);
    const place = this.#makeRoom(tokens, kind, snapshot.bytes);
    if (!place) return false;
    place.snapshot = snapshot;
    return true;
  }

  clear(): void {
    for (const place of this.#tree.places) this.#drop(place);
  }

  /** An end of a prompt or of an answer stays one, whatever else the place is. */
  #renew(place: Place<One>, kind: StateKind): void {
    if (place.kind !== 'prompt' && place.kind !== 'answer') place.kind = kind;
    place.used = ++this.#clock;
  }

  /** A place for a snapshot of so many bytes, for which others may go; null where it is worth less than they are. */
  #makeRoom(tokens: readonly number[], kind: StateKind, bytes: number): Place<One> | null {
    for (const place of this.#tree.places) place.shared = this.known.through(place.tokens) > 1;
    const shared = this.known.through(tokens) > 1;
    const coming = this.#tree.add({ tokens, kind, bytes, shared, used: ++this.#clock, snapshot: null });
    const room = { bytes: this.#budget, states: MOST_STATES };
    for (const victim of victimsFor(this.#tree.places, coming, room)) this.#lose(victim);
    if (!this.#tree.places.includes(coming)) return null;
    this.known.regain(tokens);
    return coming;
  }

  /** For want of room. */
  #lose(place: Place<One>): void {
    this.known.lose(place.tokens);
    this.#drop(place);
  }

  #drop(place: Place<One>): void {
    this.#tree.remove(place);
    place.snapshot?.dispose();
  }
}

/** Further signs of a miss, besides the tokens. */
export interface MissHints {
  /** Tokens that a prompt shares with one that it is a changed version of, at least: all chats begin alike. */
  own: number;
  /** Whether the same messages were written as other tokens. */
  rewritten: boolean;
  /** Whether it was another model that read these messages. */
  foreign: boolean;
}

/** Why tokens that were known once are read again; null where none are, or too few to matter. */
export function missOf({ position, known }: Resumption, { own, rewritten, foreign }: MissHints): CacheMiss | null {
  const lost = known?.gone.findLast((at) => at > position + NEAR_TOKENS);
  if (lost !== undefined) return { reason: 'evicted', at: lost };
  const at = known?.common ?? 0;
  if (foreign) return { reason: 'other-model', at };
  if (rewritten) return { reason: 'other-template', at };
  return known?.edited && at >= own ? { reason: 'edited', at } : null;
}
