import { BambaError } from '../../errors.ts';
import { Company } from '../../generate/company.ts';
import { Lookup } from '../../generate/lookup/lookup.ts';
import { Batch } from '../../model/batch/batch.ts';
import { slotsThatFit } from '../../model/batch/slot-count.ts';
import type { Model } from '../../model/model.ts';
import type { VerifierOptions } from '../../model/verify/verifier.ts';
import { type TurnOptions, Turns } from '../turns.ts';

/** Milliseconds without a second answer after which the memory for several is freed. */
const IDLE_MS = 30_000;

/** How several answers go at once. */
export interface EnsembleOptions {
  /** Answers that go at once, at most; 1 makes each wait for the one before. */
  most: number;
  /** Chunks of a prompt that are read between two steps of the answers under way. */
  chunksPerStep: number;
  /** Milliseconds without a second answer after which the memory for several is freed. */
  idleMs?: number | undefined;
  /** Tokens of a prompt that need not be read; for a prompt that begins like another one. */
  cached: (ids: readonly number[]) => number;
  /** How the steps of a single answer verify drafts; null where they make none. By default null. */
  lookup?: VerifierOptions | null;
  /** Called when there is room for fewer than before, or for more. */
  onRoom?: () => void;
}

/** How the live sequence is waited for. */
export interface HoldOptions extends TurnOptions {
  /** The prompt that is to be read. */
  ids?: readonly number[];
}

/** Answers that go together. */
export interface Together {
  readonly batch: Batch;
  readonly company: Company;
}

/**
 * The answers of a model that are under way. A single one takes the model's own steps, and costs nothing more. With a second
 * one, a batch is made: prompts are read in turn, in the live sequence of the model, and answers then take their steps together.
 * Where there is no memory for that, each waits for the one before.
 */
export class Ensemble {
  readonly model: Model;
  readonly options: EnsembleOptions;
  /** Drafts of an answer that goes alone; null where it has none. */
  readonly lookup: Lookup | null;
  /** The turns of the live sequence. */
  readonly live = new Turns<HoldOptions>();
  #together: Together | null = null;
  #making: Promise<void> | null = null;
  /** Answers that may go at once: as many as are asked for until the memory tells. */
  #most: number;
  #entered = 0;
  /** Answers that are about to join. */
  #joining = 0;
  #steps = 0;
  #idle: ReturnType<typeof setTimeout> | undefined;
  #ended = false;
  /** Those who wait for a slot. */
  readonly #waiting: (() => void)[] = [];

  constructor(model: Model, options: EnsembleOptions) {
    this.model = model;
    this.options = options;
    this.lookup = options.lookup ? Lookup.of(model, options.lookup) : null;
    const { architecture, gpu } = model;
    this.#most = Math.min(options.most, slotsThatFit(architecture, gpu.limits, options.most));
  }

  /** Answers that go at once, at most. */
  get most(): number {
    return this.#most;
  }

  /** Bytes of GPU memory for answers that go together. */
  get bytes(): number {
    return this.#together?.batch.bytes ?? 0;
  }

  /** Steps that answers took together so far. */
  get steps(): number {
    return this.#steps + (this.#together?.company.steps ?? 0);
  }

  /** What goes together; null while there is nothing of it. */
  get together(): Together | null {
    return this.#together;
  }

  /**
   * A request is under way.
   * @returns what says that it has ended
   */
  enter(): () => void {
    this.#entered++;
    clearTimeout(this.#idle);
    if (this.#entered > 1) this.#prepare();
    let entered = true;
    return () => {
      if (!entered) return;
      entered = false;
      this.#entered--;
      this.#waitForQuiet();
    };
  }

  /** Whether the answer of whoever has the live sequence goes among others. */
  get goesTogether(): boolean {
    if (!this.#together) return false;
    const { batch } = this.#together;
    return batch.taken.length > 0 || this.live.next !== undefined;
  }

  /** Whether there is room for an answer, or none is needed. */
  get hasRoom(): boolean {
    if (!this.#together) return true;
    const { batch } = this.#together;
    return batch.taken.length < batch.slots;
  }

  /** Resolves when there may be room. */
  room(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** A slot is free. */
  noteRoom(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  /** What goes together is there until `leave` is called. */
  pin(): { together: Together; leave: () => void } {
    this.#joining++;
    return {
      together: this.#together!,
      leave: () => {
        this.#joining--;
      },
    };
  }

  /** Makes a batch, unless there is one, or no memory for one. */
  #prepare(): void {
    if (this.#together || this.#making || this.#most < 2 || this.#ended) return;
    this.#making = this.#make().finally(() => {
      this.#making = null;
      this.noteRoom();
      this.#waitForQuiet();
    });
  }

  async #make(): Promise<void> {
    for (let slots = this.#most; slots >= 2; slots = Math.floor(slots / 2)) {
      try {
        const batch = await Batch.create(this.model, slots);
        await batch.prepare(2);
        if (this.#ended) batch.dispose();
        else this.#together = { batch, company: new Company(batch) };
        this.#limit(Math.min(slots, batch.slots));
        return;
      } catch (error) {
        // Whoever uses the GPU next hears of anything else.
        if (!(error instanceof BambaError && error.code === 'out_of_memory')) return;
      }
    }
    this.#limit(1);
  }

  #limit(most: number): void {
    if (this.#most === most) return;
    this.#most = most;
    this.options.onRoom?.();
  }

  #waitForQuiet(): void {
    clearTimeout(this.#idle);
    if (this.#together === null || this.#entered > 1) return;
    this.#idle = setTimeout(() => {
      if (!this.free()) this.#waitForQuiet();
    }, this.options.idleMs ?? IDLE_MS);
  }

  /** Frees the memory for several answers, unless it is in use. @returns whether there is none now */
  free(): boolean {
    if (!this.#together) return this.#making === null;
    const { batch, company } = this.#together;
    if (batch.taken.length > 0 || this.#joining > 0) return false;
    this.#steps += company.steps;
    this.#together = null;
    batch.dispose();
    return true;
  }

  /** Ends all waiting, and frees the batch: the model is about to be disposed of. */
  end(reason: BambaError): void {
    this.#ended = true;
    clearTimeout(this.#idle);
    this.live.end(reason);
    this.noteRoom();
    this.#together?.company.fail(reason);
    this.#together?.batch.dispose();
    this.#together = null;
    this.lookup?.dispose();
  }
}
