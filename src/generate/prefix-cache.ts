import { BambaError } from '../errors.ts';
import type { Snapshot } from '../model/snapshot.ts';

const MOST = 256 * 2 ** 20;
const LEAST_OF_WEIGHTS = 16 * 2 ** 20;

/**
 * Bytes for a `PrefixCache` where nobody says how many. WebGPU does not tell how much memory there is: the largest buffer
 * of an adapter is what comes nearest. A small model is not to take many times what its weights take.
 */
export function defaultBudget(maxBufferSize: number, weightBytes: number): number {
  return Math.floor(Math.min(MOST, maxBufferSize / 8, Math.max(weightBytes, LEAST_OF_WEIGHTS)));
}

/** What the cache needs of a snapshot. */
interface Kept {
  readonly state: { readonly tokens: readonly number[]; readonly position: number };
  readonly bytes: number;
  dispose(): void;
}

/** What the cache needs of a model. */
interface SnapshotSource<One> {
  readonly state: { readonly tokens: readonly number[]; readonly position: number; reset(): void };
  /** Bytes that a snapshot would take now. */
  readonly snapshotBytes: number;
  snapshot(): Promise<One>;
  restore(snapshot: One): Promise<void>;
}

/**
 * Snapshots at the ends of prompts, by their tokens, under a budget of GPU memory. A recurrent state cannot be taken
 * back, so whoever regenerates, edits an earlier turn or stopped in mid-answer begins from the longest one that fits.
 */
export class PrefixCache<One extends Kept = Snapshot> {
  readonly #model: SnapshotSource<One>;
  readonly #budget: number;
  /** Least recently used first. */
  #snapshots: One[] = [];

  /** @param budget bytes of GPU memory; it holds while snapshots are taken, too */
  constructor(model: SnapshotSource<One>, budget: number) {
    this.#model = model;
    this.#budget = budget;
  }

  /** Bytes of GPU memory that the snapshots hold. */
  get bytes(): number {
    return this.#snapshots.reduce((sum, snapshot) => sum + snapshot.bytes, 0);
  }

  /** The longest snapshot that `ids` begin with; null where there is none. */
  find(ids: readonly number[]): One | null {
    return this.#snapshots
      .filter((snapshot) => isPrefix(snapshot.state.tokens, ids))
      .reduce<One | null>(
        (longest, one) => (one.state.position > (longest?.state.position ?? 0) ? one : longest),
        null,
      );
  }

  /**
   * Makes the live sequence a prefix of `ids`, the longest that is at hand.
   * @returns its length. All of `ids` only from a snapshot, which brings the logits along.
   */
  async resume(ids: readonly number[]): Promise<number> {
    const { state } = this.#model;
    const live = isPrefix(state.tokens, ids) && state.position < ids.length ? state.position : 0;
    const best = this.find(ids);
    if (best && best.state.position > live) {
      await this.#model.restore(best);
      this.#use(best);
      return best.state.position;
    }
    if (live === 0) state.reset();
    return live;
  }

  /**
   * Keeps the live sequence as it is now. Others make room for it first; one that is larger than the budget is not kept,
   * nor one that the GPU has no room for.
   */
  async keep(): Promise<void> {
    const { tokens } = this.#model.state;
    const same = ({ state }: One) => state.position === tokens.length && isPrefix(state.tokens, tokens);
    const known = this.#snapshots.find(same);
    if (known) {
      this.#use(known);
      return;
    }
    const needed = this.#model.snapshotBytes;
    if (needed > this.#budget) return;
    while (this.bytes + needed > this.#budget) this.#snapshots.shift()!.dispose();
    try {
      this.#snapshots.push(await this.#model.snapshot());
    } catch (error) {
      if (!(error instanceof BambaError && error.code === 'out_of_memory')) throw error;
      this.clear();
    }
  }

  /** Makes it the most recently used. */
  #use(used: One): void {
    this.#snapshots = [...this.#snapshots.filter((one) => one !== used), used];
  }

  clear(): void {
    for (const snapshot of this.#snapshots.splice(0)) snapshot.dispose();
  }
}

/** Whether `ids` begin with `prefix`. */
export function isPrefix(prefix: readonly number[], ids: readonly number[]): boolean {
  return prefix.length <= ids.length && prefix.every((id, index) => id === ids[index]);
}
