import { BambaError } from '../errors.ts';
import type { Model } from '../model/model.ts';
import type { Snapshot } from '../model/snapshot.ts';

const DEFAULT_BUDGET = 256 * 2 ** 20;

/**
 * Snapshots at the ends of prompts, by their tokens, under a budget of GPU memory. A recurrent state cannot be taken
 * back, so whoever regenerates, edits an earlier turn or stopped in mid-answer begins from the longest one that fits.
 */
export class PrefixCache {
  readonly #model: Model;
  readonly #budget: number;
  /** Least recently used first. */
  #snapshots: Snapshot[] = [];

  constructor(model: Model, budget = DEFAULT_BUDGET) {
    this.#model = model;
    this.#budget = budget;
  }

  /** Bytes of GPU memory that the snapshots hold. */
  get bytes(): number {
    return this.#snapshots.reduce((sum, snapshot) => sum + snapshot.bytes, 0);
  }

  /**
   * Makes the live sequence a prefix of `ids`, the longest that is at hand.
   * @returns its length. All of `ids` only from a snapshot, which brings the logits along.
   */
  async resume(ids: readonly number[]): Promise<number> {
    const { state } = this.#model;
    const live = isPrefix(state.tokens, ids) && state.position < ids.length ? state.position : 0;
    const best = this.#snapshots
      .filter((snapshot) => isPrefix(snapshot.state.tokens, ids))
      .reduce<Snapshot | null>(
        (longest, one) => (one.state.position > (longest?.state.position ?? 0) ? one : longest),
        null,
      );
    if (best && best.state.position > live) {
      await this.#model.restore(best);
      this.#snapshots = [...this.#snapshots.filter((snapshot) => snapshot !== best), best];
      return best.state.position;
    }
    if (live === 0) state.reset();
    return live;
  }

  /** Keeps the live sequence as it is now, dropping others for it; where the GPU has no room, nothing is kept. */
  async keep(): Promise<void> {
    const { tokens } = this.#model.state;
    if (this.#snapshots.some((one) => one.state.position === tokens.length && isPrefix(one.state.tokens, tokens)))
      return;
    let snapshot: Snapshot;
    try {
      snapshot = await this.#model.snapshot();
    } catch (error) {
      if (error instanceof BambaError && error.code === 'out_of_memory') {
        this.clear();
        return;
      }
      throw error;
    }
    this.#snapshots.push(snapshot);
    while (this.bytes > this.#budget) this.#snapshots.shift()!.dispose();
  }

  clear(): void {
    for (const snapshot of this.#snapshots.splice(0)) snapshot.dispose();
  }
}

function isPrefix(prefix: readonly number[], ids: readonly number[]): boolean {
  return prefix.length <= ids.length && prefix.every((id, index) => id === ids[index]);
}
