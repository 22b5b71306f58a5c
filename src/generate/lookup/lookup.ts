import type { Model } from '../../model/model.ts';
import { Verifier, type VerifierOptions } from '../../model/verify/verifier.ts';

/** Positions of a step, at most. */
const MOST = 8;

/** Drafts from what an answer and its prompt have already said, and what verifies them: made when it is first needed. */
export class Lookup {
  readonly #model: Model;
  readonly #options: VerifierOptions;
  #verifier: Verifier | null = null;
  #making: Promise<void> | null = null;
  #ended = false;

  private constructor(model: Model, options: VerifierOptions) {
    this.#model = model;
    this.#options = options;
  }

  /** Null where the steps of a model cannot go over several positions. */
  static of(model: Model, options: VerifierOptions = {}): Lookup | null {
    return Verifier.takes(model) ? new Lookup(model, { most: MOST, ...options }) : null;
  }

  /** What verifies drafts; null until it is there. */
  get verifier(): Verifier | null {
    return this.#verifier;
  }

  /** Makes it, unless there is one or there was no memory for one. Answers go on meanwhile. */
  prepare(): Promise<void> {
    return (this.#making ??= this.#make());
  }

  async #make(): Promise<void> {
    let made: Verifier | undefined;
    try {
      made = await Verifier.create(this.#model, this.#options);
      await made.prepare(made.most);
      await made.prepare(1);
      if (this.#ended) made.dispose();
      else this.#verifier = made;
    } catch {
      // Whoever uses the GPU next hears of it; without memory, answers go on as before.
      made?.dispose();
    }
  }

  /** Frees its memory: the model is about to be disposed of. Idempotent. */
  dispose(): void {
    this.#ended = true;
    this.#verifier?.dispose();
    this.#verifier = null;
  }
}
