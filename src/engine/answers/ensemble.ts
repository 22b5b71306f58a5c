import { BambaError } from '../../errors.ts';
import { Company } from '../../generate/company.ts';
import { NEAR_TOKENS } from '../../generate/cuts.ts';
import { type AnswerPiece, generateIds } from '../../generate/generate.ts';
import { commonLength } from '../../generate/state-tree.ts';
import { generateStepwise, type StepwiseOptions } from '../../generate/stepwise.ts';
import { Batch, slotsThatFit } from '../../model/batch/batch.ts';
import type { Model } from '../../model/model.ts';
import type { AnswerSettings } from '../../model/sampler.ts';
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
  /** Called when there is room for fewer than before, or for more. */
  onRoom?: () => void;
}

/** How the live sequence is waited for. */
export interface HoldOptions extends TurnOptions {
  /** The prompt that is to be read. */
  ids?: readonly number[];
}

/** Answers that go together. */
interface Together {
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

  /** Waits for the live sequence. @throws BambaError as `Turns.take`. */
  async hold(options: HoldOptions = {}): Promise<Hold> {
    const hold = new Hold(this, options);
    await hold.take();
    return hold;
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
  }
}

/** The use of the live sequence by one request: it may be given up in between, and comes back as it was left. */
export class Hold {
  readonly #ensemble: Ensemble;
  readonly #options: HoldOptions;
  #leave: (() => void) | null = null;
  #chunks = 0;

  constructor(ensemble: Ensemble, options: HoldOptions) {
    this.#ensemble = ensemble;
    this.#options = options;
  }

  /** Whether the live sequence is this request's now. */
  get isHeld(): boolean {
    return this.#leave !== null;
  }

  /** Waits for the live sequence, and for room for an answer. @throws BambaError as `Turns.take`. */
  async take(): Promise<void> {
    const { live } = this.#ensemble;
    for (;;) {
      this.#leave = await live.take(this.#options);
      // Those without a prompt need no room.
      if (!this.#options.ids || this.#ensemble.hasRoom) return;
      const room = this.#ensemble.room();
      this.release();
      await room;
    }
  }

  /** Gives the live sequence to whoever is next. Idempotent. */
  release(): void {
    const leave = this.#leave;
    this.#leave = null;
    leave?.();
  }

  /**
   * What comes between two chunks of a prompt: others read theirs, or answers take a step.
   * @param position tokens that are read
   * @returns null where nothing has to be waited for
   */
  between(position: number, signal: AbortSignal): Promise<void> | null {
    const { together, live, options } = this.#ensemble;
    if (!together) return null;
    const { next } = live;
    if (next && this.#ensemble.hasRoom && !this.#isWorthWaitingFor(next, position)) {
      return this.#standAside(together, signal);
    }
    return ++this.#chunks % options.chunksPerStep === 0 ? together.company.pace() : null;
  }

  /** Whether somebody who waits would read again what is read here, and is kept when that is done. */
  #isWorthWaitingFor({ ids }: HoldOptions, position: number): boolean {
    const own = this.#options.ids;
    if (!ids || !own) return false;
    const common = commonLength(ids, own);
    return common >= position && common > this.#ensemble.options.cached(ids) + NEAR_TOKENS;
  }

  async #standAside({ batch }: Together, signal: AbortSignal): Promise<void> {
    const slot = await batch.park();
    this.release();
    try {
      this.#leave = await this.#ensemble.live.take({ ...this.#options, signal });
    } catch (error) {
      batch.leave(slot);
      this.#ensemble.noteRoom();
      throw error;
    }
    await batch.unpark(slot);
  }

  /**
   * The answer to the prompt that the live sequence is, alone or among others. Where it goes among others, the live sequence
   * is free from its first piece on, and holds the answer's tokens again when it has ended.
   * @throws BambaError as `generateIds` and `generateStepwise`
   */
  async *answer(settings: AnswerSettings, stepwise: StepwiseOptions): AsyncGenerator<AnswerPiece> {
    const ensemble = this.#ensemble;
    const { model } = ensemble;
    const answered = [...(settings.answered ?? [])];
    const pinned: ReturnType<Ensemble['pin']>[] = [];
    const joins = () => {
      if (pinned.length === 0 && ensemble.goesTogether) pinned.push(ensemble.pin());
      return pinned.length > 0;
    };
    try {
      const isBegun = !joins();
      if (isBegun) {
        const isStepwise = stepwise.constraint !== undefined || stepwise.logprobs !== undefined;
        const pieces = isStepwise
          ? generateStepwise(model, settings, stepwise, joins)
          : generateIds(model, settings, joins);
        for await (const piece of pieces) {
          answered.push(...piece.ids);
          yield piece;
          if (piece.ended) return;
        }
      }
      const { company } = pinned[0]!.together;
      const { tokens } = model.state;
      const options = {
        ...stepwise,
        onJoin: () => this.release(),
        onLeave: (giveBack: () => Promise<void>) => this.#takeBack(giveBack),
      };
      yield* isBegun
        ? company.goOn(tokens, { ...settings, answered }, options)
        : company.answer(tokens, settings, options);
    } finally {
      pinned[0]?.leave();
      ensemble.noteRoom();
    }
  }

  /** The answer is there: what is in the way of keeping its state is told to the next request. */
  async #takeBack(giveBack: () => Promise<void>): Promise<void> {
    try {
      this.#leave = await this.#ensemble.live.take({ first: true });
      await giveBack();
    } catch (error) {
      this.release();
      if (!(error instanceof BambaError)) throw error;
    }
  }
}
