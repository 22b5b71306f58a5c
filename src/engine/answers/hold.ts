import { BambaError } from '../../errors.ts';
import { NEAR_TOKENS } from '../../generate/cuts.ts';
import { type AnswerPiece, generateIds } from '../../generate/generate.ts';
import { generateByLookup } from '../../generate/lookup/generate-by-lookup.ts';
import { commonLength } from '../../generate/state-tree.ts';
import { generateStepwise, type StepwiseOptions } from '../../generate/stepwise.ts';
import type { AnswerSettings } from '../../model/sampler.ts';
import type { Ensemble, HoldOptions, Together } from './ensemble.ts';

/** The use of the live sequence by one request: it may be given up in between, and comes back as it was left. */
export class Hold {
  readonly #ensemble: Ensemble;
  readonly #options: HoldOptions;
  #leave: (() => void) | null = null;
  #chunks = 0;

  private constructor(ensemble: Ensemble, options: HoldOptions) {
    this.#ensemble = ensemble;
    this.#options = options;
  }

  /** Waits for the live sequence, and for room for an answer. @throws BambaError as `Turns.take`. */
  static async take(ensemble: Ensemble, options: HoldOptions): Promise<Hold> {
    const hold = new Hold(ensemble, options);
    await hold.#take();
    return hold;
  }

  /** Whether the live sequence is this request's now. */
  get isHeld(): boolean {
    return this.#leave !== null;
  }

  async #take(): Promise<void> {
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
        const { lookup } = ensemble;
        const pieces = isStepwise
          ? generateStepwise(model, settings, stepwise, joins)
          : lookup
            ? generateByLookup(model, settings, lookup, joins)
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
