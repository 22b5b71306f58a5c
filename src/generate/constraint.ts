/**
 * The allowed answers, token by token. It knows nothing of the model: whoever can say which tokens may come next, and be
 * told which one came, can constrain an answer.
 *
 * ```ts
 * const mask = constraint.mask(); // the next token is chosen under it
 * constraint.accept(token);
 * ```
 */
export interface Constraint {
  /**
   * Which tokens may come next: bit v % 32 of word v / 32 for token v, over the model's whole vocabulary. Ids that end
   * an answer are among them exactly where the answer may end. Not to be written to.
   * @throws BambaError `unsupported_model` where none may
   */
  mask(): Uint32Array<ArrayBuffer>;
  /** Takes the token that came. Ids that end the answer are not told. @throws BambaError `gpu_failure` for a masked one. */
  accept(token: number): void;
}
