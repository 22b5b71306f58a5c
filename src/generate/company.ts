import { BambaError } from '../errors.ts';
import type { Batch } from '../model/batch/batch.ts';
import { type AnswerSettings, REPORTS_IN_FLIGHT, type StepOptions, type StepReport } from '../model/sampler.ts';
import { feedReported } from './fed-tokens.ts';
import { type AnswerPiece, stepsTogether } from './generate.ts';
import { tokenLogprobs } from './logprobs.ts';
import type { StepwiseOptions } from './stepwise.ts';

/** How an answer is among others. */
export interface MemberOptions extends StepwiseOptions {
  /** Called once its sequence is among the others: the live one of the model is free from then on. */
  onJoin?: () => void;
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
  /** Its slot, once it has one; that may change while it goes on. */
  slot = -1;
  /** Tokens that its sequence was fed. */
  readonly tokens: number[];
  readonly #feed: (ids: readonly number[]) => void;
  readonly #settings: AnswerSettings;
  readonly #stepwise: StepwiseOptions;
  #wake = () => {};

  /**
   * @param fed tokens of its sequence so far
   * @param last of its tokens, the one that is to be fed next; undefined before the first
   */
  constructor(fed: readonly number[], last: number | undefined, settings: AnswerSettings, stepwise: StepwiseOptions) {
    this.tokens = [...fed];
    this.#feed = feedReported({ tokens: this.tokens });
    if (last !== undefined) this.#feed([last]);
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
  /** Who waits for steps that are submitted from now on. */
  readonly #pacing: (() => void)[] = [];
  #walks = false;
  /** Until there is no memory for it. */
  #tightens = true;
  #steps = 0;

  constructor(batch: Batch) {
    this.#batch = batch;
  }

  /** Answers that are under way, or about to leave. */
  get size(): number {
    return this.#going.size;
  }

  /** Steps so far, each of all sequences. */
  get steps(): number {
    return this.#steps;
  }

  /**
   * As `generateIds` and `generateStepwise`, among others. The live sequence of the model is as they take it; once the first
   * piece is there, it may be used for another prompt.
   * @param promptIds all tokens of that sequence
   * @throws BambaError as they, and `busy` where no slot is free.
   */
  answer(
    promptIds: readonly number[],
    settings: AnswerSettings,
    options: MemberOptions = {},
  ): AsyncGenerator<AnswerPiece> {
    const member = new Member(promptIds, undefined, settings, options);
    const masked = options.constraint !== undefined;
    return this.#attend(member, options, async () => {
      const { slot, report } = await this.#batch.join({ ...settings, masked }, member.stepOptions());
      member.slot = slot;
      member.take(report);
    });
  }

  /**
   * Goes on with an answer that the model began alone, and has `answered` tokens by now.
   * @param fed all tokens of the live sequence: those of the answer but the last
   * @throws BambaError as `answer`
   */
  goOn(
    fed: readonly number[],
    settings: AnswerSettings & Required<Pick<AnswerSettings, 'answered'>>,
    options: MemberOptions = {},
  ): AsyncGenerator<AnswerPiece> {
    const { answered, limit } = settings;
    const member = new Member(fed, answered.at(-1), settings, options);
    return this.#attend(member, options, async () => {
      member.slot = await this.#batch.takeOver(limit - answered.length);
    });
  }

  /** Has the member join, and yields what comes of it until it leaves. */
  async *#attend(
    member: Member,
    { onJoin, onLeave }: MemberOptions,
    join: () => Promise<void>,
  ): AsyncGenerator<AnswerPiece> {
    await join();
    try {
      onJoin?.();
      if (!member.ended) {
        this.#going.set(member.slot, member);
        this.#batch.go(member.slot);
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
      this.#batch.rest(member.slot);
      // A running step cannot be called back: the state is known once it has ended.
      await Promise.all(this.#running);
      this.#going.delete(member.slot);
      try {
        if (!member.fault) await onLeave?.(() => this.#batch.giveBack(member.slot, member.tokens));
      } finally {
        this.#batch.leave(member.slot);
      }
    }
  }

  /** Waits for the end of steps that are submitted after now; null while there are none. */
  pace(): Promise<void> | null {
    return this.#walks ? new Promise((resolve) => this.#pacing.push(resolve)) : null;
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
      const isLoose = this.#tightens && this.#batch.isLoose;
      if (this.#running.length > (isStepwise || isLoose ? 0 : REPORTS_IN_FLIGHT - 1)) {
        await this.#running[0];
        continue;
      }
      if (isLoose) {
        await this.#tighten();
        continue;
      }
      const options = isStepwise ? this.#optionsOf(going) : new Map<number, StepOptions>();
      const paced = this.#pacing.splice(0);
      const done = this.#submit(isStepwise ? 1 : stepsTogether(this.#stepMs), options);
      const running: Promise<void> = done.finally(() => {
        void this.#running.splice(this.#running.indexOf(running), 1);
        for (const resolve of paced) resolve();
      });
      this.#running.push(running);
    }
    this.#walks = false;
    for (const resolve of this.#pacing.splice(0)) resolve();
  }

  /** Moves sequences together, so that steps are for fewer slots. */
  async #tighten(): Promise<void> {
    try {
      await this.#batch.tighten(
        (slot) => this.#going.get(slot)!.tokens,
        (from, to) => {
          const member = this.#going.get(from)!;
          this.#going.delete(from);
          this.#going.set(to, member);
          member.slot = to;
        },
      );
    } catch (error) {
      if (error instanceof BambaError && error.code === 'out_of_memory') this.#tightens = false;
      else this.fail(error);
    }
  }

  /** Ends all answers with an error. */
  fail(error: unknown): void {
    for (const member of this.#going.values()) member.fail(error);
    this.#going.clear();
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
      this.#steps += reports.size > 0 ? count : 0;
      for (const [slot, report] of reports) {
        const member = this.#going.get(slot);
        member?.take(report);
        // Its user may be slow to take what it has.
        if (member?.ended) this.#batch.rest(slot);
      }
      const now = performance.now();
      this.#stepMs = (now - this.#last) / count;
      this.#last = now;
    } catch (error) {
      this.fail(error);
    }
  }
}
