import type { Batch } from '../model/batch/batch.ts';
import { type AnswerSettings, REPORTS_IN_FLIGHT, type StepOptions, type StepReport } from '../model/sampler.ts';
import { feedReported } from './fed-tokens.ts';
import { type AnswerPiece, stepsTogether } from './generate.ts';
import { tokenLogprobs } from './logprobs.ts';
import type { StepwiseOptions } from './stepwise.ts';

/** How an answer is among others. */
export interface MemberOptions extends StepwiseOptions {
  /**
   * Called when it leaves, however it does but for a fault. @param giveBack makes its sequence the live one of the model; else
   * it is forgotten.
   */
  onLeave?: (giveBack: () => Promise<void>) => Promise<void>;
}

/** An answer that is under way. */
class Member {
  readonly pieces: AnswerPiece[] = [];
  ended = false;
  /** Whether whoever asked for it has left: it is told of steps that run, and takes no more. */
  rests = false;
  fault: { error: unknown } | null = null;
  /** Tokens that its sequence was fed. */
  readonly tokens: number[];
  readonly #feed: (ids: readonly number[]) => void;
  readonly #settings: AnswerSettings;
  readonly #stepwise: StepwiseOptions;
  #wake = () => {};

  constructor(promptIds: readonly number[], settings: AnswerSettings, stepwise: StepwiseOptions) {
    this.tokens = [...promptIds];
    this.#feed = feedReported({ tokens: this.tokens });
    this.#settings = settings;
    this.#stepwise = stepwise;
  }

  /** Whether its next step depends on the one before; else steps may run ahead. */
  get isStepwise(): boolean {
    return this.#stepwise.constraint !== undefined || this.#stepwise.logprobs !== undefined;
  }

  /** What its next step is given and asked for. */
  stepOptions(): StepOptions {
    const { constraint, logprobs } = this.#stepwise;
    return { logits: logprobs !== undefined, ...(constraint && { mask: constraint.mask() }) };
  }

  /** Steps are done. */
  take({ ids, ended, logits }: StepReport): void {
    if (this.ended) return;
    this.#feed(ids);
    const { constraint, logprobs } = this.#stepwise;
    try {
      for (const id of ids) if (!this.#settings.stopIds.includes(id)) constraint?.accept(id);
    } catch (error) {
      this.fail(error);
      return;
    }
    const named = logits && logprobs !== undefined && ids.map((id) => tokenLogprobs(logits, id, logprobs));
    this.ended = ended;
    if (ids.length > 0 || ended) this.pieces.push({ ids, ended, ...(named && { logprobs: named }) });
    this.#wake();
  }

  /** No more steps will be done. */
  fail(error: unknown): void {
    this.ended = true;
    this.fault ??= { error };
    this.#wake();
  }

  /** Until there is news. */
  news(): Promise<void> {
    return new Promise((resolve) => (this.#wake = resolve));
  }
}

/** Answers that take their steps together, each with its own settings and rules. They come and go between steps. */
export class Company {
  readonly #batch: Batch;
  /** By slot, those that steps may be for, or were. */
  readonly #going = new Map<number, Member>();
  /** Of the last steps, by the time since those before them; Infinity before the first. */
  #stepMs = Infinity;
  #last = 0;
  /** Steps that are under way, in order. */
  readonly #running: Promise<void>[] = [];
  #walks = false;

  constructor(batch: Batch) {
    this.#batch = batch;
  }

  /**
   * As `generateIds` and `generateStepwise`, among others. The live sequence of the model is as they take it; once the first
   * piece is there, it may be used for another prompt.
   * @param promptIds all tokens of that sequence
   * @throws BambaError as they, and `busy` where no slot is free.
   */
  async *answer(
    promptIds: readonly number[],
    settings: AnswerSettings,
    { onLeave, ...stepwise }: MemberOptions = {},
  ): AsyncGenerator<AnswerPiece> {
    const member = new Member(promptIds, settings, stepwise);
    const masked = stepwise.constraint !== undefined;
    const { slot, report } = await this.#batch.join({ ...settings, masked }, member.stepOptions());
    try {
      member.take(report);
      if (!member.ended) {
        this.#going.set(slot, member);
        this.#batch.go(slot);
        void this.#walk();
      }
      for (;;) {
        const piece = member.pieces.shift();
        if (piece) yield piece;
        else if (member.fault) throw member.fault.error;
        else if (member.ended) return;
        else await member.news();
      }
    } finally {
      member.rests = true;
      this.#batch.rest(slot);
      // A running step cannot be called back: the state is known once it has ended.
      await Promise.all(this.#running);
      this.#going.delete(slot);
      try {
        if (!member.fault) await onLeave?.(() => this.#batch.giveBack(slot, member.tokens));
      } finally {
        this.#batch.leave(slot);
      }
    }
  }

  /** Submits steps as long as somebody goes on. */
  async #walk(): Promise<void> {
    if (this.#walks) return;
    this.#walks = true;
    this.#stepMs = Infinity;
    this.#last = performance.now();
    for (;;) {
      const going = [...this.#going].filter(([, { ended, rests }]) => !ended && !rests);
      if (going.length === 0) break;
      const isStepwise = going.some(([, member]) => member.isStepwise);
      if (this.#running.length > (isStepwise ? 0 : REPORTS_IN_FLIGHT - 1)) {
        await this.#running[0];
        continue;
      }
      const options = isStepwise ? this.#optionsOf(going) : new Map<number, StepOptions>();
      const done = this.#submit(isStepwise ? 1 : stepsTogether(this.#stepMs), options);
      const running: Promise<void> = done.finally(() => this.#running.splice(this.#running.indexOf(running), 1));
      this.#running.push(running);
    }
    this.#walks = false;
  }

  /** What the next step is given and asked for; whose rules cannot say it goes no further. */
  #optionsOf(going: readonly (readonly [number, Member])[]): Map<number, StepOptions> {
    const options = new Map<number, StepOptions>();
    for (const [slot, member] of going) {
      try {
        options.set(slot, member.stepOptions());
      } catch (error) {
        this.#batch.rest(slot);
        member.fail(error);
      }
    }
    return options;
  }

  /** Submits steps, and tells everybody what comes of them. */
  async #submit(count: number, options: ReadonlyMap<number, StepOptions>): Promise<void> {
    try {
      const reports = await this.#batch.step(count, options);
      for (const [slot, report] of reports) this.#going.get(slot)?.take(report);
      const now = performance.now();
      this.#stepMs = (now - this.#last) / count;
      this.#last = now;
    } catch (error) {
      for (const member of this.#going.values()) member.fail(error);
      this.#going.clear();
    }
  }
}
